"""hdnet_node's transitions over real DDS, and what outlives them."""

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not in this environment")
pytest.importorskip("vision_msgs", reason="vision_msgs is not built (./run test builds it)")

from lifecycle_msgs.msg import Transition  # noqa: E402
from lifecycle_msgs.srv import ChangeState, GetState  # noqa: E402
from visualization_msgs.msg import Marker, MarkerArray  # noqa: E402

NEAR_BOX = (420.0, 240.0, 150.0, 425.0)  # root at (0.4, 0.0, 4.0) m, as in test_hdnet_node


def test_lifecycle_from_outside(
    bench, make_hdnet_node, make_camera_client, make_session
):
    node = make_hdnet_node("/managed", estimator="box-height", auto_activate=False)
    get_state = bench.client.create_client(GetState, "/managed/hdnet_node/get_state")
    change_state = bench.client.create_client(ChangeState, "/managed/hdnet_node/change_state")

    def call(client, request):
        assert client.wait_for_service(timeout_sec=5.0)
        future = client.call_async(request)
        bench.wait(future.done, client.srv_name)
        return future.result()

    def state_after(transition):
        request = ChangeState.Request(transition=Transition(id=transition))
        assert call(change_state, request).success
        return call(get_state, GetState.Request()).current_state.label

    assert call(get_state, GetState.Request()).current_state.label == "unconfigured"
    assert state_after(Transition.TRANSITION_CONFIGURE) == "inactive"
    assert bench.client.count_subscribers("/managed/image") == 0
    for round_number in range(2):
        assert state_after(Transition.TRANSITION_ACTIVATE) == "active"
        session = make_session(node, make_camera_client("/managed"))
        markers = session.topic(MarkerArray, "markers")
        session.answer([NEAR_BOX], stamp_ns=(1 + round_number) * 10_000_000_000)
        assert state_after(Transition.TRANSITION_DEACTIVATE) == "inactive"
        bench.wait(
            lambda: markers and markers[-1].markers[0].action == Marker.DELETEALL, "DELETEALL"
        )
    assert state_after(Transition.TRANSITION_CLEANUP) == "unconfigured"
    assert state_after(Transition.TRANSITION_UNCONFIGURED_SHUTDOWN) == "finalized"


def test_ids_do_not_come_again_after_a_pause(people):
    before = people.answer([NEAR_BOX]).persons[0].id
    with people.bench.paused():
        people.node.trigger_deactivate()
        people.node.trigger_activate()
    people.camera.wait_for_subscribers()
    assert people.answer([NEAR_BOX]).persons[0].id != before


def test_what_goes_wrong_in_a_transition_is_told_and_leaves_no_subscription(bench, make_hdnet_node):
    topic = "/wrong_qos/detections"
    override = f"qos_overrides.{topic}.subscription.reliability"
    node = make_hdnet_node("/wrong_qos", estimator="box-height", **{override: "sometimes"})
    bench.wait(
        lambda: [
            line for line in bench.log_lines()
            if line.startswith("on_activate failed") and "sometimes" in line
        ],
        "a line that says why",
    )  # fmt: skip
    assert "on_activate failed" in node.statistics.report().message
    assert node.count_subscribers("/wrong_qos/image") == 0
    names = [name for name, _ in node.get_subscriber_names_and_types_by_node(
        "hdnet_node", "/wrong_qos")]  # fmt: skip
    assert "/tf" not in names


def test_the_worker_outlives_whatever_fails(people):
    people.answer([NEAR_BOX])
    line = people.node._lines[""]
    working = line.clock_jumped
    failed = []

    def fails():
        failed.append(1)
        raise RuntimeError("no clock today")

    line.clock_jumped = fails
    people.camera.send([NEAR_BOX])
    people.bench.wait(lambda: failed, "failure")
    line.clock_jumped = working
    assert len(people.answer([NEAR_BOX]).persons) == 1
    assert "no clock today" in people.status().message
