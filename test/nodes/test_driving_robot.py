"""A robot drives among people; what Nav2's social layer would read on /people is true in m and m/s.

Live nodes on DDS: a base whose odom -> base_footprint moves with every image, a camera on it, a detector
that draws boxes around five people whom the test knows, and hdnet_node with the box-height prior. That
prior takes everybody for 1.7 m tall; a child and somebody who sits are told by the floor.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not in this environment")
pytest.importorskip("vision_msgs", reason="vision_msgs is not built (./run test builds it)")
people_msgs = pytest.importorskip("people_msgs.msg", reason="an optional message package")

from geometry_msgs.msg import TransformStamped  # noqa: E402
from scipy.optimize import linear_sum_assignment  # noqa: E402
from scipy.spatial.transform import Rotation  # noqa: E402
from sensor_msgs.msg import PointCloud2  # noqa: E402
from tf2_ros import StaticTransformBroadcaster, TransformBroadcaster  # noqa: E402

from hdnet_ros.msg import PersonRoot, PersonRootArray, PersonTrackArray  # noqa: E402

_RIDES = itertools.count()
RATE_HZ = 10.0
FRAMES = 32
SETTLED_S = 1.5  # the filter has then seen enough to tell who walks
FOCAL_PX = 480.0
SIZE_WH_PX = (640, 480)
CAMERA_HEIGHT_M, CAMERA_AHEAD_M, CAMERA_PITCH_RAD = 1.25, 0.2, 0.06
ROBOT_SPEED_M_S, ROBOT_TURN_RAD_S = 0.6, 0.06


@dataclass(frozen=True)
class Actor:
    """Somebody on the floor of odom; the root is the pelvis."""

    start_m: tuple[float, float]
    velocity_m_s: tuple[float, float]
    stature_m: float
    root_m: float

    def root(self, time_s):
        x, y = np.add(self.start_m, np.multiply(self.velocity_m_s, time_s))
        return np.array([x, y, self.root_m])

    def box_corners(self, time_s):
        """Feet and head, (2, 3) m."""
        x, y, _ = self.root(time_s)
        return np.array([[x, y, 0.0], [x, y, self.stature_m]])


ACTORS = {
    "crossing to the left": Actor((6.0, -2.6), (0.1, 1.1), 1.70, 0.92),
    "crossing to the right": Actor((8.5, 2.8), (0.0, -0.9), 1.62, 0.87),
    "coming and crossing": Actor((10.0, -2.0), (-0.7, 0.6), 1.80, 0.97),
    "sitting": Actor((7.5, 0.6), (0.0, 0.0), 1.27, 0.52),
    "child": Actor((7.0, 2.6), (0.2, -0.6), 1.10, 0.58),
}


def robot_pose(time_s):
    """odom -> base_footprint as (x, y, yaw): a constant turn."""
    yaw = ROBOT_TURN_RAD_S * time_s
    radius = ROBOT_SPEED_M_S / ROBOT_TURN_RAD_S
    return radius * math.sin(yaw), radius * (1.0 - math.cos(yaw)), yaw


def transform(parent, child, xyz, rotation, header=None):
    msg = TransformStamped(child_frame_id=child)
    if header is not None:
        msg.header.stamp = header.stamp
    msg.header.frame_id = parent
    msg.transform.translation.x, msg.transform.translation.y, msg.transform.translation.z = map(float, xyz)
    q = msg.transform.rotation
    q.x, q.y, q.z, q.w = rotation.as_quat().tolist()
    return msg


# x forward y left z up to the optical x right y down z forward, after the pitch.
CAMERA_ROTATION = Rotation.from_euler("y", CAMERA_PITCH_RAD) * Rotation.from_matrix(
    [[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]
)


def to_camera(points_odom_m, time_s):
    x, y, yaw = robot_pose(time_s)
    base = (np.asarray(points_odom_m) - [x, y, 0.0]) @ Rotation.from_euler("z", yaw).as_matrix()
    return (base - [CAMERA_AHEAD_M, 0.0, CAMERA_HEIGHT_M]) @ CAMERA_ROTATION.as_matrix()


def box_of(actor, time_s, rng):
    """Centre x, y, width, height px with the scatter of a good detector; None outside the picture."""
    feet, head = to_camera(actor.box_corners(time_s), time_s)
    centre = np.array(SIZE_WH_PX) / 2
    (u0, v0), (u1, v1) = (FOCAL_PX * point[:2] / point[2] + centre for point in (feet, head))
    height = v0 - v1
    noise = 0.015 * height * rng.normal(size=3)
    x, top, bottom = (u0 + u1) / 2 + noise[0], v1 + noise[1], v0 + noise[2]
    width = 0.4 * height
    if not (10 < x - width / 2 and x + width / 2 < SIZE_WH_PX[0] - 10 and top > 8 and bottom < SIZE_WH_PX[1] - 8):
        return None
    return x, (top + bottom) / 2, width, bottom - top


class Drive:
    """The simulated robot: sends a frame with its TF, and waits for what comes of it."""

    def __init__(self, bench, camera):
        self.bench, self.camera = bench, camera
        self.moving = TransformBroadcaster(bench.client)
        self.fixed = StaticTransformBroadcaster(bench.client)
        xyz = (CAMERA_AHEAD_M, 0.0, CAMERA_HEIGHT_M)
        self.fixed.sendTransform(transform("base_footprint", "camera_optical_frame", xyz, CAMERA_ROTATION))
        # A minute after the ride before: its messages are not taken for this one's.
        self.first_ns = camera.next_stamp_ns() + next(_RIDES) * 60_000_000_000
        k = [FOCAL_PX, 0.0, 320.0, 0.0, FOCAL_PX, 240.0, 0.0, 0.0, 1.0]
        self.info = {"k": k, "p": [*k[:3], 0.0, *k[3:6], 0.0, *k[6:], 0.0]}
        self.rng = np.random.default_rng(7)

    def send(self, frame, actors=ACTORS):
        """Publish a frame; returns its stamp, the time in s and the names of who shows in it."""
        time_s = frame / RATE_HZ
        stamp_ns = self.first_ns + round(time_s * 1e9)
        header = self.camera.header(stamp_ns)
        x, y, yaw = robot_pose(time_s)
        pose = transform("odom", "base_footprint", (x, y, 0.0), Rotation.from_euler("z", yaw), header)
        self.moving.sendTransform(pose)
        boxes = {name: box_of(actor, time_s, self.rng) for name, actor in actors.items()}
        boxes = {name: box for name, box in boxes.items() if box is not None}
        self.camera.send(list(boxes.values()), stamp_ns, info=self.info)
        return stamp_ns, time_s, set(boxes)


@pytest.fixture
def drive(bench, make_hdnet_node, make_camera_client):
    namespace = "/driving"
    node = make_hdnet_node(
        namespace, estimator="box-height", outputs=["people", "ground_points"], ground_depth=True, tf_wait_s=2.0
    )  # fmt: skip
    camera = make_camera_client(namespace)
    topics = {
        "people": bench.collect(people_msgs.People, "/people"),
        "tracks": bench.collect(PersonTrackArray, f"{node.get_fully_qualified_name()}/tracks"),
        "points": bench.collect(PointCloud2, f"{node.get_fully_qualified_name()}/ground_points"),
        "persons": bench.collect(PersonRootArray, f"{node.get_fully_qualified_name()}/persons"),
    }
    camera.wait_for_subscribers()
    for topic in ("/people", f"{node.get_fully_qualified_name()}/tracks"):
        bench.wait(lambda name=topic: bench.client.count_publishers(name), topic)
    made = Drive(bench, camera)
    bench.wait(lambda: made.moving.pub_tf.get_subscription_count(), "the node's TF listener")
    return made, topics


def arrived(received, stamp_ns, bench, stamp_of):
    return bench.wait(
        lambda: next((m for m in reversed(received) if stamp_of(m.header) == stamp_ns), None), "an answer"
    )


def distance_m(person, actor, time_s):
    x, y, _ = actor.root(time_s)
    return math.hypot(person.position.x - x, person.position.y - y)


def names_of_actors(people, time_s):
    """Actor to the name that /people has for them: the assignment of least distance."""
    actors = sorted(ACTORS)
    cost = np.array([[distance_m(p, ACTORS[name], time_s) for p in people] for name in actors])
    rows, columns = linear_sum_assignment(cost)
    return {actors[i]: people[j].name for i, j in zip(rows, columns)}


def test_people_are_where_they_are_and_as_fast_as_they_are(drive, bench, stamp_of):
    made, topics = drive
    errors_m, errors_m_s = ({name: [] for name in ACTORS} for _ in range(2))
    names = {}
    for frame in range(FRAMES):
        stamp_ns, time_s, visible = made.send(frame)
        message = arrived(topics["people"], stamp_ns, bench, stamp_of)
        assert message.header.frame_id == "odom"
        if time_s < SETTLED_S:
            continue
        assert visible == set(ACTORS), "the scene keeps everybody in the picture"
        names = names or names_of_actors(message.people, time_s)
        assert {person.name for person in message.people} == set(names.values())
        for name, actor in ACTORS.items():
            person = next(p for p in message.people if p.name == names[name])
            errors_m[name].append(distance_m(person, actor, time_s))
            velocity = np.array([person.velocity.x, person.velocity.y])
            errors_m_s[name].append(float(np.linalg.norm(velocity - actor.velocity_m_s)))
    for name, actor in ACTORS.items():
        # At 4 to 10 m; without the floor the prior would have the child 3 m too far.
        limit_m = 0.2 if actor.stature_m > 1.5 else 0.4
        assert np.mean(errors_m[name]) < limit_m, (name, errors_m[name])
        assert np.mean(errors_m_s[name]) < 0.2, (name, errors_m_s[name])
    assert max(errors_m_s["sitting"]) == 0.0

    cloud = arrived(topics["points"], stamp_ns, bench, stamp_of)
    points_m = np.frombuffer(cloud.data, "<f4").reshape(-1, 3)
    assert cloud.header.frame_id == "odom" and np.abs(points_m[:, 2]).max() < 1e-5
    x, y, _ = ACTORS["crossing to the left"].root(time_s)
    assert np.hypot(points_m[:, 0] - x, points_m[:, 1] - y).min() < 0.1

    tracks = arrived(topics["tracks"], stamp_ns, bench, stamp_of).tracks
    statures_m = {track.id: track.stature_m for track in tracks}
    for name, actor in ACTORS.items():
        assert statures_m[names[name]] == pytest.approx(actor.stature_m, abs=0.06)


def test_giant_on_a_poster_is_flagged_and_the_child_beside_is_not(drive, bench, stamp_of):
    made, topics = drive
    actors = {"giant": Actor((9.0, -1.0), (0.0, 0.0), 3.4, 1.8), "child": Actor((7.0, 1.5), (0.0, 0.0), 1.1, 0.58)}
    stamp_ns, _, visible = made.send(0, actors)
    assert visible == set(actors)
    giant, child = arrived(topics["persons"], stamp_ns, bench, stamp_of).persons
    assert giant.flags & PersonRoot.IMPLAUSIBLE_HEIGHT and giant.implied_stature_m == pytest.approx(3.4, abs=0.3)
    assert not child.flags & PersonRoot.IMPLAUSIBLE_HEIGHT and child.implied_stature_m == pytest.approx(1.1, abs=0.1)
