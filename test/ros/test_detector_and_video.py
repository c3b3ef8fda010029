"""detector_node and video_node over real DDS."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not in this environment")
pytest.importorskip("vision_msgs", reason="vision_msgs is not built (./run test builds it)")

import cv2  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402
from sensor_msgs.msg import CameraInfo, Image  # noqa: E402
from vision_msgs.msg import Detection2DArray  # noqa: E402

CAMERA_YAML = """
image_width: 96
image_height: 64
camera_matrix: {rows: 3, cols: 3, data: [80.0, 0.0, 48.0, 0.0, 80.0, 32.0, 0.0, 0.0, 1.0]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0.1, 0.0, 0.0, 0.0, 0.0]}
"""
COLOURS = ((250, 10, 10), (10, 250, 10), (10, 10, 250))


@pytest.fixture
def pictures(tmp_path):
    """A folder of three pictures, red, green and blue, and their camera file."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, colour in enumerate(COLOURS):
        picture = np.full((64, 96, 3), colour[::-1], np.uint8)
        cv2.imwrite(str(folder / f"frame_{number}.png"), picture)
    camera = tmp_path / "camera.yaml"
    camera.write_text(CAMERA_YAML)
    return folder, camera


@pytest.fixture
def make_node(bench):
    made = []

    def make(kind, namespace, **parameters):
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        made.append(bench.add(kind(parameter_overrides=overrides, namespace=namespace)))
        return made[-1]

    yield make
    for node in made:
        bench.remove(node)


def play(bench, make_node, namespace, pictures, **parameters):
    from hdnet_ros.ros.video_node import VideoNode

    images = bench.collect(Image, f"{namespace}/image")
    infos = bench.collect(CameraInfo, f"{namespace}/camera_info")
    folder, camera = (str(path) for path in pictures)
    defaults = {"source": folder, "camera": camera, "wait_for_subscribers": 1, "rate_hz": 50.0}
    node = make_node(VideoNode, namespace, **{**defaults, **parameters})
    return node, images, infos


def test_a_folder_becomes_images_with_their_camera(bench, make_node, pictures, stamp_of):
    node, images, infos = play(bench, make_node, "/folder", pictures)
    bench.wait(lambda: len(images) == 3 and len(infos) == 3, "three images")
    bench.wait(node.finished.is_set, "end of the source")
    for image, info, colour in zip(images, infos, COLOURS):
        assert image.header == info.header and image.header.frame_id == "camera_optical_frame"
        pixels = np.frombuffer(image.data, np.uint8).reshape(64, 96, 3)
        assert (pixels == colour).all() and image.encoding == "rgb8"
        assert info.k[0] == 80.0 and info.d[0] == pytest.approx(0.1) and info.width == 96
    now_ns = bench.client.get_clock().now().nanoseconds
    assert 0 < now_ns - stamp_of(images[0].header) < 30_000_000_000


def test_a_loop_goes_on_in_the_sources_own_time(bench, make_node, pictures, stamp_of):
    node, images, _ = play(
        bench, make_node, "/loop", pictures, loop=True, stamps="source", max_frames=7
    )
    bench.wait(node.finished.is_set, "seven images")
    bench.wait(lambda: len(images) == 7, "seven images")
    stamps = [stamp_of(image.header) for image in images]
    assert stamps[0] == 1_000_000_000  # zero would mean that there is no stamp
    assert np.diff(stamps).tolist() == [20_000_000] * 6


def test_a_webcams_own_stamps_are_those_of_its_pictures(
    bench, make_node, pictures, stamp_of, monkeypatch
):
    from hdnet_ros.files.camera_files import load_camera
    from hdnet_ros.files.frames import Frame

    class Webcam(list):
        orientation = ""
        kind, rate_hz, size_wh_px = "device", 30.0, (96, 64)

    grabbed_ns = [1_700_000_000_123_456_789, 1_700_000_000_223_456_789]
    frames = Webcam(Frame(i, ns, np.zeros((64, 96, 3), np.uint8)) for i, ns in enumerate(grabbed_ns))
    camera = load_camera(pictures[1])
    monkeypatch.setattr("hdnet_ros.ros.video_node.open_source", lambda *_: (frames, camera))
    _, images, _ = play(bench, make_node, "/webcam", pictures, stamps="source")
    bench.wait(lambda: len(images) == 2, "both pictures")
    assert [stamp_of(image.header) for image in images] == grabbed_ns


def test_the_rate_is_kept(bench, make_node, pictures, stamp_of):
    node, images, _ = play(
        bench, make_node, "/rate", pictures, loop=True, rate_hz=20.0, max_frames=9
    )
    bench.wait(lambda: len(images) == 9, "nine images")
    stamps_s = np.array([stamp_of(image.header) for image in images]) * 1e-9
    # Eight steps of 50 ms; a busy machine may be late, never early by more than its last delay.
    assert stamps_s[-1] - stamps_s[0] > 0.35


def test_a_stride_leaves_images_out_and_keeps_the_speed_of_what_moves(
    bench, make_node, pictures, stamp_of
):
    node, images, _ = play(
        bench, make_node, "/stride", pictures, stride=2, rate_hz=0.0, stamps="source"
    )
    bench.wait(lambda: len(images) == 2, "two of three images")
    assert node.rate_hz == pytest.approx(10.0 / 2)
    stamps = [stamp_of(image.header) for image in images]
    assert np.diff(stamps).tolist() == [200_000_000]


@pytest.mark.parametrize(
    "change, named",
    [
        ({"source": "/no/such/clip.avi"}, "/no/such/clip.avi: no such file"),
        ({"camera": "/no/such/camera.yaml"}, "/no/such/camera.yaml"),
        ({"camera": ""}, "camera is empty, expected a path"),
    ],
)
def test_a_source_that_cannot_be_opened_is_named(bench, make_node, pictures, change, named):
    with pytest.raises((ValueError, OSError), match=named):
        play(bench, make_node, "/broken", pictures, **change)


def test_a_camera_of_another_size_is_named(bench, make_node, pictures):
    folder, camera = pictures
    camera.write_text(CAMERA_YAML.replace("96", "192"))
    with pytest.raises(ValueError, match="192 x 64 px.*has 96 x 64 px"):
        play(bench, make_node, "/sizes", (folder, camera))


@pytest.fixture
def detector(bench, make_node, make_camera_client, request):
    """A HOG node with a client, and the detections it publishes."""
    from hdnet_ros.ros.detector_node import DetectorNode

    namespace = f"/{request.node.name}"
    camera = make_camera_client(namespace)
    # The client publishes detections itself elsewhere; here the node does.
    with bench.paused():
        bench.client.destroy_publisher(camera.detections)
    node = make_node(DetectorNode, namespace, detector="hog", hog_scale=1.0)
    found = bench.collect(Detection2DArray, f"{namespace}/detections")
    bench.wait(
        lambda: (
            camera.image.get_subscription_count()
            and node.count_subscribers(f"{namespace}/detections")
        ),
        "discovery",
    )
    return node, camera, found


def test_an_image_without_people_gives_an_empty_array_with_its_header(bench, detector):
    _, camera, found = detector
    image = camera.image_msg(camera.next_stamp_ns())
    camera.image.publish(image)
    bench.wait(lambda: found, "detections")
    assert found[0].header == image.header and found[0].detections == []


def test_what_the_detector_finds_is_published(bench, detector):
    from hdnet_ros.core.types import Detection

    node, camera, found = detector
    boxes = [
        Detection(np.array([320.0, 200.0, 80.0, 240.0]), score=0.75),
        Detection(np.array([100.0, 200.0, 40.0, 120.0]), score=0.44),
    ]
    shapes = []

    def detect(image_rgb):
        shapes.append(image_rgb.shape)
        return [box for box in boxes if box.score >= node._detector.score_threshold]

    node._detector.detect = detect
    camera.image.publish(camera.image_msg(camera.next_stamp_ns()))
    bench.wait(lambda: found, "detections")
    assert shapes == [(480, 640, 3)]
    (item,) = found[0].detections  # the second is below min_score, 0.45
    assert item.results[0].hypothesis.class_id == "person"
    assert item.results[0].hypothesis.score == 0.75
    assert item.bbox.center.position.x == 320.0 and item.bbox.size_y == 240.0


def test_a_bad_image_is_named_and_the_next_is_answered(bench, detector):
    _, camera, found = detector
    camera.image.publish(camera.image_msg(camera.next_stamp_ns(), encoding="32FC1"))
    words = f"image ({camera.namespace}/image): encoding '32FC1', expected one of"
    bench.wait(lambda: [line for line in bench.log_lines() if words in line], "log line")
    camera.image.publish(camera.image_msg(camera.next_stamp_ns()))
    bench.wait(lambda: found, "detections")
    assert len(found) == 1


def test_detector_weights_that_are_no_weights_are_named(bench, make_node, tmp_path):
    from hdnet_ros.locate.backends import BackendError
    from hdnet_ros.ros.detector_node import DetectorNode

    path = tmp_path / "weights.pth"
    path.write_bytes(b"nothing")
    with pytest.raises(BackendError, match="weights.pth"):
        make_node(DetectorNode, "/foreign", detector="fasterrcnn", weights=str(path))
