"""The SROS2 policy allows each node what it publishes, subscribes to and serves, and little else."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not in this environment")
pytest.importorskip("vision_msgs", reason="vision_msgs is not built (./run test builds it)")

POLICY = Path(__file__).resolve().parents[2] / "config" / "sros2_policy.xml"
# For simulated time, and for outputs that are off unless a parameter names them.
NOT_ALWAYS = {"/clock", "/parameter_events", "/people", "/tracked_agents", "/humans/bodies/*", "~/ground_points"}


def allowed(node):
    """Return what the policy allows a node: names that it publishes, subscribes to, serves."""
    (profile,) = ET.parse(POLICY).getroot().findall(f"./enclaves/enclave[@path='/{node}']/profiles/profile")
    assert profile.attrib == {"ns": "/", "node": node}

    def names(path, item):
        return {found.text.replace("~", f"/{node}", 1) for found in profile.findall(f"./{path}/{item}")}

    kinds = (("topics[@publish='ALLOW']", "topic"), ("topics[@subscribe='ALLOW']", "topic"),
             ("services[@reply='ALLOW']", "service"))  # fmt: skip
    return [names(*kind) for kind in kinds]


def used(client, node):
    ways = (
        client.get_publisher_names_and_types_by_node,
        client.get_subscriber_names_and_types_by_node,
        client.get_service_names_and_types_by_node,
    )
    return [{name for name, _ in way(node, "/")} for way in ways]


@pytest.fixture(scope="module", params=["hdnet_node", "detector_node"])
def node(request, bench):
    from rclpy.parameter import Parameter

    if request.param == "hdnet_node":
        from hdnet_ros.ros.hdnet_node import HDNetNode as Made

        values = {"estimator": "box-height"}
    else:
        from hdnet_ros.ros.detector_node import DetectorNode as Made

        values = {"detector": "hog"}
    made = bench.add(Made(parameter_overrides=[Parameter(name, value=value) for name, value in values.items()]))
    yield request.param
    bench.remove(made)


def test_what_a_node_uses_is_allowed_and_nothing_beyond(bench, node):
    expected = allowed(node)

    def fits():
        found = used(bench.client, node)
        # Parts of a distribution: newer ones serve the types' descriptions.
        optional = NOT_ALWAYS | {f"/{node}/get_type_description", f"/{node}/ground_points"}
        return all(u <= e and e - u <= optional for u, e in zip(found, expected))

    try:
        bench.wait(fits, "the node's topics and services", 20.0)
    except AssertionError:
        assert used(bench.client, node) == expected


def test_the_video_may_publish_images_alone():
    published, subscribed, _ = allowed("video_node")
    assert published == {"/image", "/camera_info", "/parameter_events", "/rosout"}
    assert subscribed == {"/clock", "/parameter_events"}
