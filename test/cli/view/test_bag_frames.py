"""A bag's frames for the page: who is where on the ground, with tails, in the camera's frame or the tracks'."""

import json

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin

from hdnet_ros.cli.view.bag_frames import BagFrames


@pytest.fixture(scope="module")
def plain(write_bag, tmp_path_factory):
    frames = BagFrames(write_bag(tmp_path_factory.mktemp("bags") / "plain", "image", "info", "overlay"))
    yield frames
    frames.close()


@pytest.fixture(scope="module")
def tracked(write_bag, tmp_path_factory):
    frames = BagFrames(write_bag(tmp_path_factory.mktemp("bags") / "tracked", "image", "info", "tf", "tracks"))
    yield frames
    frames.close()


def person(scene, name, kind="persons"):
    return next(one for one in scene[kind] if one["id"] == name)


def test_stamps_count_from_the_first_frame(plain):
    assert plain.stamps_s == pytest.approx([0.1 * n for n in range(8)])


def test_people_in_the_cameras_frame(plain):
    scene = plain.scene(5)
    assert scene["stamp_s"] == pytest.approx(1000.5) and scene["estimator"] == "tester"
    assert (scene["ground_frame"], scene["camera_frame"], scene["tracks"]) == ("optical", "optical", None)
    walker = person(scene, "p1")
    assert walker["ground"] == pytest.approx([0.5, 4.0])  # right, forward in m
    assert walker["covariance"] == pytest.approx([0.01, 0.0, 0.16])
    assert walker["distance_m"] == pytest.approx(np.hypot(0.5, 4.0)) and walker["sigma_m"] == pytest.approx(0.4)
    assert walker["box"] == pytest.approx([197.5, 120.0, 40.0, 100.0])
    assert walker["joints"][0] == pytest.approx([197.5, 80.0]) and walker["joints"][16] is None
    # The picture shows 160 px to each side at f = 300 px.
    assert np.array(scene["camera"]["edges"]) == pytest.approx(np.array([[-160 / 300, 1], [160 / 300, 1]]))
    assert json.dumps(scene, allow_nan=False)


def test_tails_end_where_people_are(plain):
    tails = plain.scene(3)["tails"]
    assert np.array(tails["p1"]) == pytest.approx(np.array([[0.1 * n, 4.0] for n in range(4)]))
    assert len(tails["p2"]) == 4


def test_tracks_in_odom_with_the_camera_where_tf_puts_it(tracked):
    scene = tracked.scene(4)
    assert scene["ground_frame"] == "odom"
    assert scene["camera"]["ground"] == pytest.approx([0.0, 2.0])
    assert scene["camera"]["forward"] == pytest.approx([0.0, 1.0])
    track = person(scene, "p1", "tracks")
    assert track["ground"] == pytest.approx([0.4, 6.0])
    assert track["covariance"] == pytest.approx([0.01, 0.0, 0.16])  # long along odom's x, which is forward
    assert track["velocity"] == pytest.approx([1.0, 0.0]) and track["is_moving"]
    assert person(scene, "p2", "tracks")["unseen_s"] == pytest.approx(0.3)
    # What was measured 4 m before the camera lies on the track.
    assert person(scene, "p1")["ground"] == pytest.approx([0.4, 6.0])
    assert scene["tails"]["p1"][-1] == pytest.approx([0.4, 6.0])


def test_tracks_without_tf_show_without_the_camera(write_bag, tmp_path):
    frames = BagFrames(write_bag(tmp_path / "bag", "image", "tracks"))
    scene = frames.scene(0)
    frames.close()
    assert scene["camera"] is None and person(scene, "p1")["ground"] is None
    assert person(scene, "p1", "tracks")["ground"] == pytest.approx([0.0, 6.0])


def test_picture_is_the_one_of_the_stamp_and_not_the_overlay(plain):
    for number in (6, 2, 6):
        image_bgr = cv2.imdecode(np.frombuffer(plain.jpeg(number), np.uint8), cv2.IMREAD_COLOR)
        assert image_bgr.shape == (240, 320, 3)
        assert image_bgr[100, 100] == pytest.approx([60, 120, 10 * number], abs=4)


def test_people_without_pictures_from_sqlite(write_bag, tmp_path):
    frames = BagFrames(write_bag(tmp_path / "bag", storage=StoragePlugin.SQLITE3))
    assert frames.jpeg(0) is None and frames.scene(0)["camera"]["edges"] is None
    assert frames.scene(8) is None and frames.jpeg(8) is None
    frames.close()


def test_what_a_bag_lacks_is_named(write_bag, tmp_path):
    folder = write_bag(tmp_path / "bag", "image", persons=False)
    with pytest.raises(ValueError, match="no people in it .*`hdnet bag IN OUT` adds them"):
        BagFrames(folder)
    with pytest.raises(ValueError, match="no such bag"):
        BagFrames(tmp_path / "nothing")
    (tmp_path / "text.mcap").write_text("no bag")
    with pytest.raises(ValueError, match="text.mcap: cannot be read as a bag"):
        BagFrames(tmp_path / "text.mcap")


def test_topic_that_is_not_there_is_named_with_those_that_are(write_bag, tmp_path):
    folder = write_bag(tmp_path / "bag", "image", "overlay")
    with pytest.raises(ValueError, match="no topic /other of type .*there are: /cam/image, /hdnet_node/overlay"):
        BagFrames(folder, image_topic="/other")
    BagFrames(folder, image_topic="/hdnet_node/overlay").close()
