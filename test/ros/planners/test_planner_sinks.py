"""Every output for planners over real DDS: tracks go in, another package's messages come out."""

import itertools
import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not in this environment")
pytest.importorskip("vision_msgs", reason="vision_msgs is not built (./run test builds it)")

from geometry_msgs.msg import PointStamped, TwistStamped  # noqa: E402
from rclpy.lifecycle import LifecycleNode  # noqa: E402
from sensor_msgs.msg import Image, PointCloud2  # noqa: E402
from std_msgs.msg import Header  # noqa: E402

from hdnet_ros.msg import PersonRoot, PersonRootArray, PersonTrack, PersonTrackArray  # noqa: E402
from hdnet_ros.pipeline.floor import Floor  # noqa: E402
from hdnet_ros.ros.logbook import Logbook  # noqa: E402
from hdnet_ros.ros.planners.cohan import AgentNumbers  # noqa: E402
from hdnet_ros.ros.planners.factory import PLANNER_SINKS  # noqa: E402
from hdnet_ros.ros.planners.ground_points import disc_points_m  # noqa: E402
from hdnet_ros.ros.planners.tracks import planned_velocity_m_s, walks  # noqa: E402
from hdnet_ros.ros.statistics import NodeStatistics  # noqa: E402

_NANOSECONDS = itertools.count(1)
FLOOR_OF_ODOM = Floor(np.array([0.0, 0.0, 1.0]), 0.0)


def track(id="p1", xyz=(4.0, 1.0, 0.9), velocity=(0.3, -1.1, 0.0), **fields):
    msg = PersonTrack(id=id, score=0.8, is_moving=True, stature_m=1.72, heading_sigma_rad=math.nan, child_probability=math.nan)
    point, linear = msg.pose.pose.position, msg.velocity.twist.linear
    point.x, point.y, point.z = xyz
    linear.x, linear.y, linear.z = velocity
    msg.pose.covariance = np.diag([0.09, 0.01, 0.01, 1e6, 1e6, 1e6]).ravel()
    msg.velocity.covariance = np.diag([0.04, 0.01, 0.01, 1e6, 1e6, 1e6]).ravel()
    for name, value in fields.items():
        setattr(msg, name, value)
    return msg


def person(box=(320.0, 240.0, 100.0, 300.0), joints=None):
    """A PersonRoot; joints: name to (u, v, confidence)."""
    msg = PersonRoot(score=0.8)
    msg.box.center.position.x, msg.box.center.position.y = box[:2]
    msg.box.size_x, msg.box.size_y = box[2:]
    for keypoint in msg.keypoints:
        keypoint.u_px = keypoint.v_px = math.nan
    for name, (u, v, confidence) in (joints or {}).items():
        keypoint = msg.keypoints[getattr(PersonRoot, name)]
        keypoint.u_px, keypoint.v_px, keypoint.confidence = u, v, confidence
    return msg


def answer(*tracks, persons=(), floor=FLOOR_OF_ODOM):
    header = Header(frame_id="odom")
    header.stamp.sec = 12
    message = PersonTrackArray(header=header, tracks=list(tracks))
    image_header = Header(stamp=message.header.stamp, frame_id="camera_optical_frame")
    return SimpleNamespace(
        tracks=message,
        persons=PersonRootArray(header=image_header, persons=list(persons)),
        scene=SimpleNamespace(shot=SimpleNamespace(image_rgb=np.full((480, 640, 3), 7, np.uint8)), floor=floor),
    )


@pytest.fixture
def planner_node(bench):
    """Make an active node with the outputs of some names."""
    made = []

    def make(*outputs, name="planner_outputs"):
        node = LifecycleNode(name)
        bench.add(node)
        logbook = Logbook(node.get_logger(), NodeStatistics(()), {})
        options = {"outputs": list(outputs), "ground_points_radius_m": 0.3}
        sinks = [sink for make in PLANNER_SINKS if (sink := make(node, logbook, options))]
        made.append((node, sinks))
        node.trigger_configure()
        node.trigger_activate()
        return sinks

    yield make
    for node, sinks in made:
        for sink in sinks:
            sink.close()
        bench.remove(node)


@pytest.fixture
def listen(bench):
    """Collect a topic from the moment that its publisher is found."""
    topics = []

    def start(kind, topic):
        received = bench.collect(kind, topic)
        topics.append(topic)
        bench.wait(lambda: bench.client.count_publishers(topic), f"publisher of {topic}")
        return received

    yield start
    for topic in topics:
        bench.stop_collecting(topic)


def sent(bench, sink, message, received):
    """Publish an answer until its message comes, and return that; known by a stamp of its own."""
    stamp = message.tracks.header.stamp
    stamp.nanosec = next(_NANOSECONDS)

    def arrived():
        sink.publish(message)
        return [msg for msg in received if msg.header.stamp == stamp]

    return bench.wait(arrived, "message")[-1]


def test_people_get_metres_and_metres_a_second_in_the_frame_of_the_tracks(bench, planner_node, listen):
    people_msgs = pytest.importorskip("people_msgs.msg")
    [sink] = planner_node("people")
    received = listen(people_msgs.People, "/people")
    doubtful = {"stature_m": math.nan, "child_probability": 0.125}
    standing = track("p2", velocity=(0.12, 0.1, 0.0), is_moving=False, unseen_s=0.4, **doubtful)
    msg = sent(bench, sink, answer(track(), standing), received)
    assert msg.header.frame_id == "odom" and msg.header.stamp.sec == 12
    walker, other = msg.people
    assert (walker.name, other.name) == ("p1", "p2")
    assert (walker.position.x, walker.position.y, walker.position.z) == (4.0, 1.0, 0.9)
    assert (walker.velocity.x, walker.velocity.y, walker.velocity.z) == (0.3, -1.1, 0.0)
    assert walker.reliability == pytest.approx(0.8)
    tags = dict(zip(walker.tagnames, walker.tags))
    assert tags == {
        "stature_m": "1.720", "unseen_s": "0.000", "position_sigma_m": "0.300", "velocity_sigma_m_s": "0.200",
    }  # fmt: skip
    # A rest of 0.16 m/s would turn the social layer's ellipse: who stands has no velocity.
    assert (other.velocity.x, other.velocity.y) == (0.0, 0.0)
    assert other.tags[other.tagnames.index("child_probability")] == "0.125"
    assert "stature_m" not in other.tagnames and other.tags[other.tagnames.index("unseen_s")] == "0.400"


def test_heading_becomes_a_tag(bench, planner_node, listen):
    people_msgs = pytest.importorskip("people_msgs.msg")
    [sink] = planner_node("people")
    received = listen(people_msgs.People, "/people")
    facing = track(has_heading=True)
    facing.pose.pose.orientation.z, facing.pose.pose.orientation.w = math.sin(0.4), math.cos(0.4)
    msg = sent(bench, sink, answer(facing), received)
    assert dict(zip(msg.people[0].tagnames, msg.people[0].tags))["heading_rad"] == "0.800"


def test_in_a_cameras_optical_frame_there_is_no_heading_about_the_vertical(bench, planner_node, listen):
    people_msgs = pytest.importorskip("people_msgs.msg")
    [sink] = planner_node("people")
    received = listen(people_msgs.People, "/people")
    told = answer(track(has_heading=True))
    told.tracks.header.frame_id = told.persons.header.frame_id
    msg = sent(bench, sink, told, received)
    assert msg.people[0].tagnames == ["stature_m", "unseen_s"]


def test_nobody_and_reset_give_empty_people(bench, planner_node, listen):
    people_msgs = pytest.importorskip("people_msgs.msg")
    [sink] = planner_node("people")
    received = listen(people_msgs.People, "/people")
    assert sent(bench, sink, answer(), received).people == []
    sent(bench, sink, answer(track()), received)
    sink.reset()
    # The social layer keeps the last message for ever.
    bench.wait(lambda: received[-1].people == [], "the empty message after a reset")


def test_cohan_gets_human_agents_with_a_torso(bench, planner_node, listen):
    cohan_msgs = pytest.importorskip("cohan_msgs.msg")
    [sink] = planner_node("cohan")
    received = listen(cohan_msgs.TrackedAgents, "/tracked_agents")
    msg = sent(bench, sink, answer(track("p7"), track("p9", velocity=(0.1, 0.1, 0.0), is_moving=False)), received)
    first, second = msg.agents
    assert (first.track_id, first.name, second.track_id, second.name) == (1, "p7", 2, "p9")
    assert first.type == cohan_msgs.AgentType.HUMAN
    assert (first.state, second.state) == (cohan_msgs.TrackedAgent.MOVING, cohan_msgs.TrackedAgent.STATIC)
    [torso] = first.segments
    assert torso.type == cohan_msgs.TrackedSegmentType.TORSO
    assert (torso.pose.pose.position.x, torso.twist.twist.linear.y) == (4.0, -1.1)
    assert torso.pose.covariance[0] == pytest.approx(0.09) and torso.twist.covariance[0] == pytest.approx(0.04)
    assert second.segments[0].twist.twist.linear.y == 0.0


def test_agent_numbers_stay_with_an_id_and_are_never_given_twice():
    numbers = AgentNumbers()
    assert numbers.of(["a", "b"]) == [1, 2]
    assert numbers.of(["b", "c"]) == [2, 3]
    assert numbers.of(["a", "c"]) == [4, 3]


def test_ros4hri_lists_bodies_and_fills_their_topics(bench, planner_node, listen):
    hri_msgs = pytest.importorskip("hri_msgs.msg")
    [sink] = planner_node("ros4hri")
    tracked = listen(hri_msgs.IdsList, "/humans/bodies/tracked")
    joints = {
        "NOSE": (319.5, 119.5, 0.9), "LEFT_SHOULDER": (359.5, 159.5, 0.8), "RIGHT_SHOULDER": (279.5, 159.5, 0.6),
        "LEFT_ANKLE": (330.0, 700.0, 0.5),
    }  # fmt: skip
    seen = answer(track("p1"), track("p2", person_index=-1), persons=[person((10.0, 240.0, 60.0, 300.0), joints)])
    sink.publish(seen)
    kinds = {
        "roi": hri_msgs.NormalizedRegionOfInterest2D, "skeleton2d": hri_msgs.Skeleton2D,
        "position": PointStamped, "velocity": TwistStamped, "cropped": Image,
    }  # fmt: skip
    received = {name: listen(kind, f"/humans/bodies/p1/{name}") for name, kind in kinds.items()}
    assert sent(bench, sink, seen, tracked).ids == ["p1", "p2"]
    messages = {name: sent(bench, sink, seen, received[name]) for name in kinds}
    roi = messages["roi"]
    # Columns -20 to 40 of 640, cut off at the border; rows 90 to 390 of 480. Pixel 0 starts at -0.5.
    assert (roi.xmin, roi.ymin, roi.xmax, roi.ymax) == pytest.approx((0.0, 90.5 / 480, 40.5 / 640, 390.5 / 480))
    assert roi.header.frame_id == "camera_optical_frame" and roi.c == pytest.approx(0.8)
    points = messages["skeleton2d"].skeleton
    names = hri_msgs.Skeleton2D
    assert (points[names.NOSE].x, points[names.NOSE].y) == pytest.approx((0.5, 0.25))
    neck = points[names.NECK]
    assert (neck.x, neck.y, neck.c) == pytest.approx((0.5, 160 / 480, 0.6))
    for unknown in (names.LEFT_EYE, names.RIGHT_HIP, names.LEFT_ANKLE):  # never given, not seen, below the image
        assert (points[unknown].x, points[unknown].y, points[unknown].c) == (0.0, 0.0, 0.0)
    assert messages["position"].header.frame_id == "odom" and messages["position"].point.x == 4.0
    assert messages["velocity"].twist.linear.y == -1.1
    assert (messages["cropped"].width, messages["cropped"].height) == (41, 301)
    # Nobody has seen p2 in this image: it stays in the list, without a region.
    assert bench.client.count_publishers("/humans/bodies/p2/position")


def test_ros4hri_topics_of_a_body_go_with_it(bench, planner_node, listen):
    hri_msgs = pytest.importorskip("hri_msgs.msg")
    [sink] = planner_node("ros4hri")
    tracked = listen(hri_msgs.IdsList, "/humans/bodies/tracked")
    sent(bench, sink, answer(track("q1", person_index=-1)), tracked)
    bench.wait(lambda: bench.client.count_publishers("/humans/bodies/q1/roi"), "topics of q1")
    assert sent(bench, sink, answer(), tracked).ids == []
    bench.wait(lambda: not bench.client.count_publishers("/humans/bodies/q1/roi"), "topics of q1 to go")


def test_box_estimators_give_no_skeleton(bench, planner_node, listen):
    pytest.importorskip("hri_msgs.msg")
    from hdnet_ros.ros.planners.ros4hri import skeleton_message

    assert skeleton_message(None, Header(), person(), (640, 480)) is None


def points_of(msg):
    return np.frombuffer(msg.data, "<f4").reshape(-1, 3)


def test_ground_points_are_discs_on_the_floor_below_people(bench, planner_node, listen):
    [sink] = planner_node("ground_points")
    received = listen(PointCloud2, "/planner_outputs/ground_points")
    msg = sent(bench, sink, answer(track(), track("p2", xyz=(-2.0, 3.0, 0.5))), received)
    points = points_of(msg)
    assert msg.header.frame_id == "odom" and [field.name for field in msg.fields] == ["x", "y", "z"]
    assert np.abs(points[:, 2]).max() == 0.0
    first, second = np.split(points[:, :2], 2)
    assert first.mean(axis=0) == pytest.approx((4.0, 1.0), abs=1e-5)
    assert np.hypot(*(first - (4.0, 1.0)).T).max() == pytest.approx(0.3, abs=1e-5)
    assert second.mean(axis=0) == pytest.approx((-2.0, 3.0), abs=1e-5)
    # An empty cloud lets a costmap clear; without a floor nothing is told.
    assert sent(bench, sink, answer(), received).width == 0
    floorless = answer(track(), floor=None)
    floorless.tracks.header.stamp.nanosec = next(_NANOSECONDS)
    sink.publish(floorless)
    sent(bench, sink, answer(), received)
    assert floorless.tracks.header.stamp not in [msg.header.stamp for msg in received]


def test_disc_lies_in_a_tilted_floor():
    up = np.array([0.0, -math.cos(0.2), -math.sin(0.2)])  # a camera that looks 0.2 rad down, 1.2 m up
    floor = Floor(up, -1.2)
    points_m = disc_points_m(floor, np.array([0.5, 0.3, 4.0]), 0.3)
    assert points_m @ up == pytest.approx(-1.2)
    foot_m = points_m.mean(axis=0)
    assert np.cross(np.array([0.5, 0.3, 4.0]) - foot_m, up) == pytest.approx(0.0, abs=1e-9)


def test_missing_package_is_named_once_and_the_other_outputs_work(bench, planner_node, monkeypatch, listen):
    monkeypatch.setitem(sys.modules, "people_msgs.msg", None)
    before = len(bench.log_lines())
    # Under a name of its own: the last node of the others' name takes its log topic with it.
    sinks = planner_node("people", "ground_points", name="without_people_msgs")
    assert len(sinks) == 1
    received = listen(PointCloud2, "/without_people_msgs/ground_points")
    assert sent(bench, sinks[0], answer(track()), received).width > 0

    def warnings():
        return [line for line in bench.log_lines()[before:] if "people_msgs" in line]

    told = bench.wait(warnings, "the warning")
    assert len(told) == 1 and "'people' is left out" in told[0] and "not installed" in told[0]


@pytest.mark.parametrize(
    "velocity, told", [((0.0, 0.65, 0.0), True), ((0.0, 0.45, 0.0), False), ((0.2, 0.0, 0.0), False)],
    ids=["2.2 sigma", "1.5 sigma", "below 0.25 m/s"],
)  # fmt: skip
def test_planners_count_on_a_walk_before_it_is_certain(velocity, told):
    slow = track(velocity=velocity, is_moving=False)
    slow.velocity.covariance = np.diag([0.01, 0.09, 0.09, 1e6, 1e6, 1e6]).ravel()
    assert walks(slow) == told
    assert planned_velocity_m_s(slow) == (velocity if told else (0.0, 0.0, 0.0))


def test_no_outputs_by_default(planner_node):
    assert planner_node("") == []
