"""Camera info, boxes, images and TF in any state: named or answered, and the next good image as ever."""

import math
import struct

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

pytest.importorskip("rosbags", reason="messages need rosbags where ROS 2 is not")

from outside import (  # noqa: E402
    GOOD_BOX,
    HEIGHT,
    STEP_NS,
    WIDTH,
    Answering,
    box,
    boxes,
    encoded,
    image,
    info,
    picture,
)

NUMBERS = st.one_of(
    st.floats(),
    st.floats(-2000.0, 2000.0),
    st.sampled_from([0.0, -0.0, 1.0, 1e-300, 1e-155, 1e-12, 1e-7, 1e39, 1e155, 1e308, math.inf, -math.inf, math.nan]),
)
NAMES = st.one_of(
    st.sampled_from(["", "plumb_bob", "rational_polynomial", "equidistant", "fisheye", "radtan", "thin_prism", "none"]),
    st.text(max_size=20),
)
ENCODED = {extension: encoded(extension) for extension in (".jpg", ".png", ".webp", ".bmp", ".tiff", ".ppm")}


def after(answering, *message_triple):
    scene, said = answering.answer(*message_triple)
    answering.assert_good_image_is_answered()
    return scene, said


@given(
    st.lists(NUMBERS, min_size=9, max_size=9),
    st.lists(NUMBERS, max_size=15),
    NAMES,
    st.tuples(*[st.integers(0, 2**32 - 1) | st.integers(0, 700)] * 2),
    st.tuples(*[st.integers(0, 700)] * 4),
    st.integers(0, 5),
    st.booleans(),
)
@example([1e39, 0, 320, 0, 1e39, 240, 0, 0, 1], [0.0] * 5, "plumb_bob", (640, 480), (0, 0, 0, 0), 1, False)
def test_any_camera_info(k, d, model, size, roi, binning, rectified):
    answering = Answering()
    stamp_ns = answering.next_stamp_ns()
    bad = info(stamp_ns, k=np.array(k, dtype=float), d=[float(v) for v in d], distortion_model=model)
    bad.width, bad.height, bad.binning_x = *size, binning
    bad.roi.x_offset, bad.roi.y_offset, bad.roi.width, bad.roi.height = roi
    bad.p = np.array([*k[:3], 0.0, *k[3:6], 0.0, *k[6:], 0.0], dtype=float)
    answering.options["image_is_rectified"] = rectified
    answering.answer(image(stamp_ns), boxes(stamp_ns, box(*GOOD_BOX)), bad)
    answering.options["image_is_rectified"] = False
    answering.assert_good_image_is_answered()


@given(st.lists(st.tuples(*[NUMBERS] * 6, st.text(max_size=8)), max_size=6), st.booleans())
@example([(320.0, 240.0, 1e-7, 1e-7, 0.9, 0.0, "")], False)
@example([(320.0, 240.0, 5.0, 1e-155, 0.9, 0.0, "")], True)
@example([(320.0, 240.0, 100.0, 331000.0, 0.9, 0.0, "")], False)
@example([(320.0, 240.0, 100.0, 400.0, 1e308, 0.0, "")], False)
@example([(0.5, 0.5, 0.2, 0.6, 0.9, 0.0, "")], False)
def test_any_boxes_beside_a_good_one(items, in_odom):
    answering = Answering(tracking_frame="odom" if in_odom else "none")
    answering.assert_good_image_is_answered()
    stamp_ns = answering.next_stamp_ns()
    bad = [box(*item[:4], score=item[4], theta=item[5], id=item[6]) for item in items]
    scene, said = answering.answer(image(stamp_ns), boxes(stamp_ns, *bad, box(*GOOD_BOX, score=0.95)), info(stamp_ns))
    assert scene is not None
    depths = [person.root_pose.pose.position.z for person in said["~/persons"].persons]
    assert any(abs(depth - 4.0) < 1e-3 for depth in depths), "a good box lost its answer"
    # Whoever was answered may be followed; who comes back alone is one of them.
    answering.pipeline.reset()
    answering.assert_good_image_is_answered()


@given(
    st.text(max_size=12) | st.sampled_from(["rgb8", "bgr8", "mono8", "mono16", "bayer_rggb8", "yuv422", "8UC4", "16UC1"]),
    st.integers(0, 2**32 - 1) | st.integers(0, 700),
    st.integers(0, 2**32 - 1) | st.integers(0, 700),
    st.integers(0, 2**32 - 1) | st.integers(0, 3000),
    st.integers(0, 255),
    st.binary(max_size=2000) | st.just(bytes(3 * WIDTH * HEIGHT)) | st.just(bytes(WIDTH * HEIGHT)),
    st.integers(-(2**31), 2**31 - 1),
)
def test_any_image(encoding, width, height, step, big_endian, data, sec):
    answering = Answering()
    stamp_ns = answering.next_stamp_ns()
    bad = image(stamp_ns, encoding=encoding, width=width, height=height, step=step, is_bigendian=big_endian, data=data)
    bad.header.stamp.sec = sec
    answering.answer(bad, boxes(stamp_ns, box(*GOOD_BOX)), info(stamp_ns))
    # A stamp of the future would make the good image one out of order, which is another matter.
    answering.pipeline.reset()
    answering.assert_good_image_is_answered()


@given(st.sampled_from(sorted(ENCODED)), st.data())
def test_any_picture(extension, data):
    whole = bytearray(ENCODED[extension])
    for _ in range(data.draw(st.integers(0, 5))):
        # Headers lie at the beginning, TIFF's at the end.
        place = data.draw(st.integers(0, min(len(whole), 700) - 1) | st.integers(0, len(whole) - 1))
        four = data.draw(st.sampled_from([0, 1, 30_000, 2**31 - 1, 2**32 - 1]) | st.integers(0, 2**32 - 1))
        whole[place : place + 4] = struct.pack(data.draw(st.sampled_from("<>")) + "I", four)
    cut = data.draw(st.just(len(whole)) | st.integers(0, len(whole)))
    format = data.draw(st.sampled_from(["jpeg", "bayer_rggb8; jpeg compressed ", "rgb8; png compressed rgb8"]) | st.text(max_size=30))
    answering = Answering()
    stamp_ns = answering.next_stamp_ns()
    after(answering, picture(stamp_ns, bytes(whole[:cut]), format), boxes(stamp_ns, box(*GOOD_BOX)), info(stamp_ns))


@given(st.lists(st.lists(NUMBERS, min_size=12, max_size=12), min_size=1, max_size=4))
@example([[1, 0, 0, 1e15, 0, 1, 0, 0, 0, 0, 1, 0]])
@example([[math.nan] * 12])
def test_any_tf_samples(samples):
    answering = Answering(tracking_frame="odom")
    answering.assert_good_image_is_answered()
    for sample in samples:
        answering.pose = np.eye(4)
        answering.pose[:3] = np.reshape(sample, (3, 4))
        stamp_ns = answering.next_stamp_ns()
        scene, said = answering.answer(image(stamp_ns), boxes(stamp_ns, box(*GOOD_BOX)), info(stamp_ns))
        (person,) = said["~/persons"].persons
        assert abs(person.root_pose.pose.position.z - 4.0) < 1e-3
    answering.stamp_ns += 20 * STEP_NS
    answering.assert_good_image_is_answered()
