"""One node, two cameras, over real DDS: one estimator, one set of tracks, nobody waits for anybody.

"front" stands at the origin of odom and looks along x, "rear" at x = 12 m and looks back; both are
1.2 m over the ground, level, f = 1000 px.
"""

import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not in this environment")
pytest.importorskip("vision_msgs", reason="vision_msgs is not built (./run test builds it)")

from geometry_msgs.msg import TransformStamped  # noqa: E402
from tf2_ros import StaticTransformBroadcaster  # noqa: E402
from visualization_msgs.msg import Marker, MarkerArray  # noqa: E402

from hdnet_ros.locate.priors import BoxHeightPrior  # noqa: E402
from hdnet_ros.msg import PersonRootArray, PersonTrackArray  # noqa: E402
from hdnet_ros.ros.hdnet_node import camera_names  # noqa: E402

# Optical frame to odom: looking along x, and looking back.
TURNS = {"front": (-0.5, 0.5, -0.5, 0.5), "rear": (0.5, 0.5, -0.5, -0.5)}
PLACES_M = {"front": 0.0, "rear": 12.0}


class TwoCameras:
    def __init__(self, bench, node, make_camera_client, stamp_of):
        namespace = node.get_namespace()
        self.bench, self.node, self.stamp_of = bench, node, stamp_of
        self.clients = {name: make_camera_client(f"{namespace}/{name}") for name in PLACES_M}
        self.persons = {
            name: self.topic(PersonRootArray, f"{name}/persons") for name in self.clients
        }
        self.tracks = self.topic(PersonTrackArray, "tracks")
        for client in self.clients.values():
            client.wait_for_subscribers()

    def topic(self, kind, name):
        full = f"{self.node.get_fully_qualified_name()}/{name}"
        received = self.bench.collect(kind, full)
        self.bench.wait(lambda: self.node.count_subscribers(full), f"discovery of {name}")
        return received

    def send(self, name, x_m, y_m, stamp_ns=None, frame_id=None):
        """One image of a person at (x, y) of odom as a camera sees them; return the stamp."""
        ahead_m = abs(x_m - PLACES_M[name])
        left_m = y_m if name == "front" else -y_m
        box = (320.0 - 1000.0 * left_m / ahead_m, 240.0, 600.0 / ahead_m, 1700.0 / ahead_m)
        client = self.clients[name]
        stamp_ns = client.next_stamp_ns() if stamp_ns is None else stamp_ns
        header = client.header(stamp_ns, frame_id or self.frame_of(name))
        same = {"header": header}
        client.send([box], stamp_ns=stamp_ns, image=same, info=same, detections=same)
        return stamp_ns

    def persons_of(self, name, stamp_ns):
        def found():
            return [m for m in self.persons[name] if self.stamp_of(m.header) == stamp_ns]

        return self.bench.wait(found, f"answer of {name}")[0].persons

    def frame_of(self, name):
        return f"{self.node.get_namespace().strip('/')}_{name}"

    def publish_poses(self, *names):
        poses = []
        for name in names or TURNS:
            turn = TURNS[name]
            msg = TransformStamped(child_frame_id=self.frame_of(name))
            msg.header.frame_id = "odom"
            msg.transform.translation.x, msg.transform.translation.z = PLACES_M[name], 1.2
            q = msg.transform.rotation
            q.x, q.y, q.z, q.w = turn
            poses.append(msg)
        broadcaster = StaticTransformBroadcaster(self.bench.client)
        broadcaster.sendTransform(poses)
        return broadcaster


@pytest.fixture
def cameras(bench, make_hdnet_node, make_camera_client, stamp_of, request):
    namespace = "/" + request.node.name
    node = make_hdnet_node(namespace, estimator="box-height", cameras=["front", "rear"])
    return TwoCameras(bench, node, make_camera_client, stamp_of)


def test_a_person_seen_from_two_sides_is_one_track(cameras):
    broadcaster = cameras.publish_poses()
    try:
        cameras.bench.wait(
            lambda: cameras.persons_of("front", cameras.send("front", 6.0, 0.5))
            and any(tracks.header.frame_id == "odom" for tracks in list(cameras.tracks)),
            "odom",
        )
        cameras.clients["rear"]._stamp_ns = cameras.clients["front"]._stamp_ns
        given = set()
        for frame in range(15):
            y_m = 0.5 + 0.1 * frame
            stamps = {name: cameras.send(name, 6.0, y_m) for name in PLACES_M}
            for name, stamp_ns in stamps.items():
                given |= {person.id for person in cameras.persons_of(name, stamp_ns)}
        assert len(given) == 1
        cameras.bench.wait(
            lambda: cameras.stamp_of(cameras.tracks[-1].header) == stamp_ns, "last tracks"
        )
        (track,) = cameras.tracks[-1].tracks
        place = track.pose.pose.position
        assert (place.x, place.y, place.z) == pytest.approx((6.0, y_m, 1.2), abs=0.2)
        assert track.velocity.twist.linear.y == pytest.approx(1.0, abs=0.3)
        # One camera alone knows 6 m to within 14 %, 0.85 m.
        assert np.sqrt(track.pose.covariance[0]) < 0.5
    finally:
        with cameras.bench.paused():
            cameras.bench.client.destroy_publisher(broadcaster.pub_tf)


def test_without_poses_each_camera_follows_its_own_and_ids_differ(cameras):
    first = cameras.persons_of("front", cameras.send("front", 6.0, 0.0))[0].id
    second = cameras.persons_of("rear", cameras.send("rear", 6.0, 0.0))[0].id
    assert first != second
    assert cameras.persons_of("front", cameras.send("front", 6.0, 0.0))[0].id == first

    def frames():
        return {message.header.frame_id.rpartition("_")[2] for message in list(cameras.tracks)}

    cameras.bench.wait(lambda: frames() == {"front", "rear"}, "tracks in both frames")
    cameras.bench.wait(
        lambda: [line for line in cameras.bench.log_lines() if "have no frame in common" in line], "word"
    )


def test_cameras_that_call_their_frames_alike_do_not_share_people(cameras):
    seen = {name: set() for name in PLACES_M}
    for _ in range(4):
        for name in PLACES_M:
            stamp_ns = cameras.send(name, 6.0, 0.0, frame_id="camera")
            seen[name] |= {person.id for person in cameras.persons_of(name, stamp_ns)}
    assert len(seen["front"]) == len(seen["rear"]) == 1 and seen["front"] != seen["rear"]


def test_a_camera_without_tf_follows_its_own_beside_one_that_has_it(cameras):
    broadcaster = cameras.publish_poses("front")
    try:
        cameras.bench.wait(
            lambda: cameras.persons_of("front", cameras.send("front", 6.0, 0.5))
            and any(tracks.header.frame_id == "odom" for tracks in list(cameras.tracks)),
            "odom",
        )
        ids = {cameras.persons_of("rear", cameras.send("rear", 6.0, 0.5))[0].id for _ in range(4)}
        assert len(ids) == 1 and ids.pop().startswith("p")

        def rear():
            return [m for m in list(cameras.tracks) if m.header.frame_id == cameras.frame_of("rear")]

        (track,) = cameras.bench.wait(rear, "tracks of rear")[-1].tracks
        assert track.pose.pose.position.z == pytest.approx(6.0, abs=0.1)
    finally:
        with cameras.bench.paused():
            cameras.bench.client.destroy_publisher(broadcaster.pub_tf)


def test_a_camera_that_died_holds_nobody_up(cameras):
    cameras.persons_of("front", cameras.send("front", 6.0, 0.0))
    # "rear" stops in the middle: an image without its boxes.
    client = cameras.clients["rear"]
    stamp_ns = client.next_stamp_ns()
    client.info.publish(client.info_msg(stamp_ns))
    client.image.publish(client.image_msg(stamp_ns))
    started = time.monotonic()
    for _ in range(5):
        assert cameras.persons_of("front", cameras.send("front", 6.0, 0.0))
    assert time.monotonic() - started < 3.0
    assert not cameras.persons["rear"]


def test_a_bad_image_of_one_camera_costs_the_other_nothing(cameras):
    client = cameras.clients["rear"]
    stamp_ns = client.next_stamp_ns()
    client.send([(320.0, 240.0, 100.0, 300.0)], stamp_ns=stamp_ns, image={"encoding": "nv21"})
    assert cameras.persons_of("front", cameras.send("front", 6.0, 0.0))
    cameras.bench.wait(
        lambda: [line for line in cameras.bench.log_lines() if "encoding 'nv21'" in line], "word"
    )
    assert cameras.persons_of("rear", cameras.send("rear", 6.0, 0.0))


class SlowPrior:
    """The box-height prior, 60 ms a batch, and how many images each batch had."""

    def __init__(self):
        self.batches = []
        self._prior = BoxHeightPrior()

    def localize_many(self, pictures):
        time.sleep(0.06)
        self.batches.append(len(pictures))
        return self._prior.localize_many(pictures)


def test_images_that_come_together_share_a_batch_and_a_fast_camera_starves_nobody(cameras):
    estimator = cameras.node._worker._estimator = SlowPrior()
    for name in PLACES_M:
        cameras.send(name, 6.0, 0.0)
    answered = {"front": [], "rear": []}
    for frame in range(24):
        answered["front"].append(cameras.send("front", 6.0, 0.0))
        if frame % 8 == 0:
            answered["rear"].append(cameras.send("rear", 6.0, 0.0))
        time.sleep(0.015)
    # The slow camera's images are all answered, of the fast one the newest that there is.
    for stamp_ns in answered["rear"]:
        assert cameras.persons_of("rear", stamp_ns)
    assert cameras.persons_of("front", answered["front"][-1])
    assert len(cameras.persons["front"]) < 25
    assert 2 in estimator.batches and max(estimator.batches) == 2


def test_every_camera_has_its_topics_and_a_status_of_its_own(cameras):
    published = dict(
        cameras.node.get_publisher_names_and_types_by_node(
            "hdnet_node", cameras.node.get_namespace()
        )
    )
    base = cameras.node.get_fully_qualified_name()
    for name in PLACES_M:
        assert {f"{base}/{name}/{t}" for t in ("persons", "markers", "overlay")} <= set(published)
    assert published[f"{base}/front/detections_3d"] == ["vision_msgs/msg/Detection3DArray"]
    assert f"{base}/tracks" in published and f"{base}/persons" not in published
    from diagnostic_msgs.msg import DiagnosticArray

    statuses = cameras.bench.collect(DiagnosticArray, "/diagnostics")
    wanted = {f"{base.strip('/')}: {name}" for name in PLACES_M}
    cameras.bench.wait(
        lambda: wanted <= {s.name for array in list(statuses) for s in array.status}, "statuses"
    )


def test_markers_of_cameras_without_a_common_frame_do_not_delete_each_other(cameras):
    arrays = cameras.topic(MarkerArray, "markers")
    for frame in range(3):
        for name in PLACES_M:
            cameras.persons_of(name, cameras.send(name, 6.0, 0.2 * frame))
    cameras.bench.wait(lambda: len(arrays) == 6, "markers of six images")
    assert all(marker.action == Marker.ADD for array in arrays for marker in array.markers)
    tails = [m for array in arrays[4:] for m in array.markers if m.ns == "tail"]
    assert len(tails) == 2 and all(len(tail.points) > 1 for tail in tails)


def test_clocks_set_back_together_are_one_new_start(cameras):
    for name in PLACES_M:
        cameras.persons_of(name, cameras.send(name, 6.0, 0.0))
        cameras.clients[name]._stamp_ns = 5_000_000_000
    first = cameras.persons_of("front", cameras.send("front", 6.0, 0.0))[0].id
    assert cameras.persons_of("rear", cameras.send("rear", 6.0, 0.0))
    assert cameras.persons_of("front", cameras.send("front", 6.0, 0.0))[0].id == first


@pytest.mark.parametrize("given", [["front", "/front/"], ["front", ""]])
def test_names_of_cameras_must_differ(given):
    with pytest.raises(ValueError, match="different names"):
        camera_names(given)


def test_names_of_cameras_lose_their_outer_slashes():
    assert camera_names(["/front", "left/rear"]) == ["front", "left/rear"]
    assert camera_names([""]) == [""]
