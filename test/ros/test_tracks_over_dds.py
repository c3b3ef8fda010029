"""~/tracks of live nodes over real DDS, with TF from a simulated base.

The camera looks along x of odom, 1.2 m over its ground: a box of 425 px in the image's middle is a
person of 1.7 m at 4 m, whose root is at the camera's height.
"""

import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not in this environment")
pytest.importorskip("vision_msgs", reason="vision_msgs is not built (./run test builds it)")

from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from geometry_msgs.msg import TransformStamped  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402
from tf2_msgs.msg import TFMessage  # noqa: E402
from tf2_ros import TransformBroadcaster  # noqa: E402
from visualization_msgs.msg import Marker, MarkerArray  # noqa: E402

from hdnet_ros.msg import PersonRootArray, PersonTrackArray  # noqa: E402

FRAME = "camera_optical_frame"
CAMERA_HEIGHT_M = 1.2
STEP_NS = 100_000_000


class Robot:
    """A node with a client that publishes where the camera is."""

    def __init__(self, bench, node, camera, stamp_of):
        self.bench, self.node, self.camera, self.stamp_of = bench, node, camera, stamp_of
        self.broadcaster = TransformBroadcaster(bench.client)
        self.persons = self.topic(PersonRootArray, "persons")
        self.tracks = self.topic(PersonTrackArray, "tracks")
        self.markers = self.topic(MarkerArray, "markers")
        camera.wait_for_subscribers()

    def topic(self, kind, name):
        full = f"{self.node.get_fully_qualified_name()}/{name}"
        received = self.bench.collect(kind, full)
        self.bench.wait(lambda: self.bench.client.count_publishers(full), f"publisher of {name}")
        self.bench.wait(lambda: self.node.count_subscribers(full), f"discovery of {name}")
        return received

    def send_pose(self, stamp_ns, x_m=0.0, parent="odom"):
        msg = TransformStamped(header=self.camera.header(stamp_ns, parent), child_frame_id=FRAME)
        msg.transform.translation.x, msg.transform.translation.z = x_m, CAMERA_HEIGHT_M
        q = msg.transform.rotation
        q.x, q.y, q.z, q.w = -0.5, 0.5, -0.5, 0.5
        self.broadcaster.sendTransform(msg)

    def see(self, places_m, x_m=0.0):
        """Send one image of people at places (x, y) of odom, with the pose; return the tracks."""
        stamp_ns = self.camera.next_stamp_ns()
        self.send_pose(stamp_ns, x_m)
        self.camera.send([box_at(x - x_m, y) for x, y in places_m], stamp_ns=stamp_ns)
        return self.tracks_of(stamp_ns)

    def tracks_of(self, stamp_ns):
        return self.of(self.tracks, stamp_ns, "tracks")

    def persons_of(self, stamp_ns):
        return self.of(self.persons, stamp_ns, "persons")

    def of(self, received, stamp_ns, what):
        def found():
            return [m for m in received if self.stamp_of(m.header) == stamp_ns]

        return self.bench.wait(found, f"{what} of {stamp_ns}")[0]

    def wait_for_odom(self):
        """Let TF be known before the first image."""
        deadline = time.monotonic() + 5.0
        while self.node.count_publishers("/tf") == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        self.see([])
        self.bench.wait(lambda: self.see([]).header.frame_id == "odom", "odom")


def box_at(ahead_m, left_m):
    """The box of a person whose root is level with the camera, f = 1000 px."""
    return (320.0 - 1000.0 * left_m / ahead_m, 240.0, 600.0 / ahead_m, 1700.0 / ahead_m)


@pytest.fixture
def robot(bench, make_hdnet_node, make_camera_client, stamp_of, request):
    namespace = "/" + request.node.name.split("[")[0]
    parameters = getattr(request, "param", {})
    node = make_hdnet_node(namespace, estimator="box-height", **parameters)
    made = Robot(bench, node, make_camera_client(namespace), stamp_of)
    yield made
    with bench.paused():
        bench.client.destroy_publisher(made.broadcaster.pub_tf)


def test_people_are_followed_in_odom_while_the_robot_drives(robot):
    robot.wait_for_odom()
    transforms = robot.bench.collect(TFMessage, "/tf")
    robot.bench.wait(lambda: robot.node.count_subscribers("/tf") >= 2, "discovery of /tf")
    for frame in range(25):
        tracks = robot.see([(8.0, 1.0), (10.0, -2.0 + 0.12 * frame)], x_m=0.06 * frame)
    assert tracks.header.frame_id == "odom"
    stands, walks = sorted(tracks.tracks, key=lambda track: track.pose.pose.position.x)
    assert (stands.pose.pose.position.x, stands.pose.pose.position.y) == pytest.approx(
        (8.0, 1.0), abs=0.15
    )
    assert stands.pose.pose.position.z == pytest.approx(CAMERA_HEIGHT_M, abs=0.1)
    assert not stands.is_moving and not stands.has_heading
    assert walks.is_moving and walks.velocity.twist.linear.y == pytest.approx(1.2, abs=0.25)
    assert abs(walks.velocity.twist.linear.x) < 0.3
    # Facing along +y is a quarter turn about z.
    assert walks.has_heading
    assert walks.pose.pose.orientation.z == pytest.approx(np.sqrt(0.5), abs=0.15)
    assert walks.pose.covariance[35] == pytest.approx(walks.heading_sigma_rad**2, rel=1e-3)
    assert stands.pose.covariance[35] == 1e6 and stands.stature_m == pytest.approx(1.7, abs=0.01)
    persons = robot.persons_of(robot.stamp_of(tracks.header))
    assert persons.header.frame_id == FRAME
    assert persons.persons[walks.person_index].id == walks.id

    def bodies():
        sent = [t for message in list(transforms) for t in message.transforms]
        found = [t for t in sent if t.child_frame_id == f"body_{walks.id}"]
        return [t for t in found if t.header.stamp == tracks.header.stamp]

    (body,) = robot.bench.wait(bodies, "TF frame of the walker")
    assert body.header.frame_id == "odom"
    place = body.transform.translation
    assert place.x == pytest.approx(walks.pose.pose.position.x)
    assert any("people are followed in odom" in line for line in robot.bench.log_lines())


def test_somebody_hidden_coasts_and_their_markers_go_when_they_are_given_up(robot):
    robot.wait_for_odom()
    for frame in range(12):
        tracks = robot.see([(8.0, 0.12 * frame)])
    (walker,) = tracks.tracks
    shown = {(m.ns, m.id) for m in robot.markers[-1].markers if m.header.frame_id == "odom"}
    assert {name for name, _ in shown} == {"ellipsoid", "tail", "velocity"}
    for _ in range(5):
        (hidden,) = robot.see([]).tracks
    assert hidden.id == walker.id and hidden.person_index == -1
    assert hidden.unseen_s == pytest.approx(0.5) and hidden.age_s == pytest.approx(1.6)
    assert hidden.pose.pose.position.y == pytest.approx(0.12 * 16, abs=0.25)
    assert hidden.pose.covariance[7] > walker.pose.covariance[7]
    # Two seconds without anybody, and the person is gone for good.
    robot.camera._stamp_ns += 2_000_000_000
    tracks = robot.see([])
    assert tracks.tracks == []
    robot.bench.wait(
        lambda: shown
        <= {
            (m.ns, m.id)
            for array in list(robot.markers)
            for m in array.markers
            if m.action == Marker.DELETE
        },
        "DELETE of the markers",
    )
    assert robot.see([(8.0, 1.5)]).tracks == []
    assert robot.see([(8.0, 1.5)]).tracks[0].id != walker.id


def test_tf_that_comes_a_little_late_is_waited_for(robot):
    robot.wait_for_odom()
    robot.see([(8.0, 0.0)])
    stamp_ns = robot.camera.next_stamp_ns()
    robot.camera.send([box_at(8.0, 0.0)], stamp_ns=stamp_ns)
    time.sleep(0.05)
    assert robot.stamp_of(robot.tracks[-1].header) < stamp_ns
    robot.send_pose(stamp_ns)
    (track,) = robot.tracks_of(stamp_ns).tracks
    assert track.person_index == 0


def test_tf_that_does_not_come_costs_the_tracks_and_is_counted(robot):
    robot.wait_for_odom()
    for _ in range(3):
        (track,) = robot.see([(8.0, 0.0)]).tracks or [None]
    stamp_ns = robot.camera.next_stamp_ns()
    robot.camera.send([box_at(8.0, 0.0)], stamp_ns=stamp_ns)
    (coasting,) = robot.tracks_of(stamp_ns).tracks
    assert coasting.id == track.id and coasting.person_index == -1
    (person,) = robot.persons_of(stamp_ns).persons
    assert person.flags & person.UNTRACKED_ID and person.root_pose.pose.position.z == 8.0
    statuses = robot.bench.collect(DiagnosticArray, "/diagnostics")
    robot.bench.wait(lambda: robot.node.count_subscribers("/diagnostics"), "discovery")
    robot.node.diagnostics.publish()
    name = robot.node.get_fully_qualified_name().lstrip("/")

    def status():
        return [s for array in statuses for s in array.status if s.name == name]

    told = robot.bench.wait(status, "status")[-1]
    assert told.level == b"\x01" and "TF did not give" in told.message
    values = {pair.key: pair.value for pair in told.values}
    assert values["answered without tracks, TF late"] == "1"
    # The next image with a pose goes on with the same person.
    assert robot.see([(8.0, 0.0)]).tracks[0].id == track.id


def test_a_tf_sample_far_beyond_the_earth_costs_its_image_the_tracks_and_no_other_anything(robot):
    robot.wait_for_odom()
    for _ in range(3):
        before = robot.see([(4.0, 0.0)])
    stamp_ns = robot.camera.next_stamp_ns()
    robot.send_pose(stamp_ns, 1e15)
    robot.camera.send([box_at(4.0, 0.0)], stamp_ns=stamp_ns)
    told = robot.bench.wait(
        lambda: [m for m in robot.persons if robot.stamp_of(m.header) == stamp_ns], "answer beside the TF sample"
    )
    (person,) = told[0].persons
    assert person.root_pose.pose.position.z == pytest.approx(4.0) and person.flags & person.UNTRACKED_ID
    after = robot.see([(4.0, 0.0)])
    assert [track.id for track in after.tracks] == [track.id for track in before.tracks]
    position = after.tracks[0].pose.pose.position
    assert (position.x, position.y) == pytest.approx((4.0, 0.0), abs=1e-3)


@pytest.mark.parametrize("robot", [{"tracking_frame": "none", "ground_frame": ""}], indirect=True)
def test_without_a_tracking_frame_and_a_floor_tf_is_not_listened_to(robot):
    stamp_ns = robot.camera.next_stamp_ns()
    robot.send_pose(stamp_ns)
    for _ in range(3):
        stamp_ns = robot.camera.send([box_at(8.0, 1.0)])
        tracks = robot.tracks_of(stamp_ns)
    assert tracks.header.frame_id == FRAME
    (track,) = tracks.tracks
    assert track.pose.pose.position.z == pytest.approx(8.0, abs=0.1)
    assert track.pose.pose.position.x == pytest.approx(-1.0, abs=0.1)
    namespace = robot.node.get_namespace()
    heard = robot.node.get_subscriber_names_and_types_by_node("hdnet_node", namespace)
    assert "/tf" not in {name for name, _ in heard}


@pytest.mark.parametrize(
    "robot",
    [
        {"tracking_frame": "none", "ground_depth": True, "ground_frame": "floor"},
        {"tracking": False, "ground_depth": True, "ground_frame": "floor"},
    ],
    indirect=True,
    ids=["no tracking frame", "no tracking"],
)
def test_the_floor_counts_where_people_are_not_followed_in_a_tracking_frame(robot):
    # The box of a child of 1.2 m, 8 m away on the floor; the prior takes it for an adult at 11.3 m.
    ahead_m, stature_m = 8.0, 1.2
    foot_px, height_px = 240.0 + 1000.0 * CAMERA_HEIGHT_M / ahead_m, 1000.0 * stature_m / ahead_m
    box = (320.0, foot_px - 0.5 * height_px, 60.0, height_px)

    def z_m():
        stamp_ns = robot.camera.next_stamp_ns()
        robot.send_pose(stamp_ns, parent="floor")
        robot.camera.send([box], stamp_ns=stamp_ns)
        assert robot.tracks_of(stamp_ns).header.frame_id == FRAME
        return robot.persons_of(stamp_ns).persons[0].root_pose.pose.position.z

    robot.bench.wait(lambda: z_m() == pytest.approx(ahead_m, abs=1.0), "depth of the floor")


def test_how_long_to_wait_for_tf_can_be_changed_while_the_node_runs(robot):
    robot.wait_for_odom()
    robot.node.set_parameters([Parameter("tf_wait_s", value=5.0)])
    stamp_ns = robot.camera.next_stamp_ns()
    robot.camera.send([box_at(8.0, 0.0)], stamp_ns=stamp_ns)
    time.sleep(0.6)
    assert not [m for m in robot.persons if robot.stamp_of(m.header) == stamp_ns]
    robot.send_pose(stamp_ns)
    assert robot.persons_of(stamp_ns).persons


def test_a_clock_set_back_forgets_the_tracks(robot):
    robot.wait_for_odom()
    for _ in range(3):
        before = robot.see([(8.0, 0.0)]).tracks
    robot.camera._stamp_ns -= 100_000_000_000
    robot.bench.wait(lambda: robot.see([(8.0, 0.0)]).tracks, "tracks after the jump")
    after = robot.see([(8.0, 0.0)]).tracks
    assert len(after) == 1 and after[0].id != before[0].id
    assert any(m.markers and m.markers[0].action == Marker.DELETEALL for m in robot.markers)


@pytest.mark.parametrize("robot", [{"tracking": False}], indirect=True)
def test_without_tracking_the_tracks_are_empty(robot):
    for _ in range(3):
        stamp_ns = robot.camera.send([box_at(8.0, 1.0)])
        assert robot.tracks_of(stamp_ns).tracks == []
    assert robot.persons_of(stamp_ns).persons[0].id == "u0"
