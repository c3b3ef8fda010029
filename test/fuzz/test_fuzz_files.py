"""Files from outside in any state: read or one line of an error, and the next good file as ever."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hdnet_ros.core.patch import PatchConvention
from hdnet_ros.files.boxes_file import load_boxes
from hdnet_ros.files.camera_files import load_camera
from hdnet_ros.model.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from hdnet_ros.model.hdnet import HDNet, hdnet_lite

K = [1000.0, 0.0, 320.0, 0.0, 1000.0, 240.0, 0.0, 0.0, 1.0]
CAMERAS = {
    "ros.yaml": "image_width: 640\nimage_height: 480\ncamera_matrix: {rows: 3, cols: 3, data: %s}\ndistortion_model: plumb_bob\n"
    "distortion_coefficients: {rows: 1, cols: 5, data: [0, 0, 0, 0, 0]}\nbinning_x: 1\nroi: {x_offset: 0, y_offset: 0, width: 0, height: 0}\n" % K,
    "opencv.yaml": "%%YAML:1.0\n---\nimage_width: 640\nimage_height: 480\ncamera_matrix: !!opencv-matrix\n   rows: 3\n   cols: 3\n   dt: d\n   data: %s\n" % K,
    "kalibr.yaml": "cam0:\n  camera_model: pinhole\n  distortion_coeffs: [0, 0, 0, 0]\n  distortion_model: radtan\n"
    "  intrinsics: [1000, 1000, 320, 240]\n  resolution: [640, 480]\n",
    "orb.yaml": "%YAML:1.0\nCamera.fx: 1000.0\nCamera.fy: 1000.0\nCamera.cx: 320.0\nCamera.cy: 240.0\nCamera.width: 640\nCamera.height: 480\n",
    "ost.txt": "[image]\n\nwidth\n640\n\nheight\n480\n\n[narrow_stereo]\n\ncamera matrix\n1000 0 320\n0 1000 240\n0 0 1\n\ndistortion\n0 0 0 0 0\n",
    "ros.json": json.dumps({"width": 640, "height": 480, "k": K, "d": [0.0] * 5, "distortion_model": "plumb_bob"}),
}
BOXES = json.dumps({"width": 640, "height": 480, "boxes": {"0": [{"id": 1, "xywh_center_px": [420, 240, 150, 425], "score": 0.9}]}})
PIECES = st.one_of(
    st.sampled_from(["[" * 5000, "{" * 3000, "9" * 400, "1e999", ".nan", "NaN", "*a", "&a", "-", ": ", "\0", "!!python/object:x ", "\n", '"', "0x", "---\n"]),
    st.text(max_size=8),
    st.floats().map(str),
    st.integers().map(str),
)


@st.composite
def spoiled(draw, text):
    """A text with pieces put into it or taken out of it."""
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(text)))
        end = min(len(text), begin + draw(st.integers(0, 12)))
        text = text[:begin] + draw(PIECES) + text[end:]
    return text


def one_line(error, path):
    told = str(error)
    assert told.startswith(str(path)) and "\n" not in told and len(told) < 1200, told[:2000]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@given(st.sampled_from(sorted(CAMERAS)), st.data(), st.booleans())
def test_any_camera_file(folder, name, data, rectified):
    path = folder / name
    path.write_bytes(data.draw(spoiled(CAMERAS[name])).encode("utf-8", "surrogatepass"))
    try:
        camera = load_camera(path, rectified)
        assert np.isfinite(camera.K).all() and np.isfinite(camera.distortion).all()
    except ValueError as error:
        one_line(error, path)
    path.write_text(CAMERAS[name])
    assert load_camera(path).K.ravel().tolist() == K


@given(st.data())
def test_any_boxes_file(folder, data):
    path = folder / "boxes.json"
    path.write_bytes(data.draw(spoiled(BOXES)).encode("utf-8", "surrogatepass"))
    try:
        for detections in load_boxes(path, (640, 480)).values():
            for item in detections:
                assert np.isfinite(item.box_xywh_center_px).all() and 0.0 <= item.score <= 1.0
    except ValueError as error:
        one_line(error, path)
    path.write_text(BOXES)
    (good,) = load_boxes(path, (640, 480))[0]
    assert good.box_xywh_center_px.tolist() == [420.0, 240.0, 150.0, 425.0]


@pytest.fixture(scope="module")
def weights(folder):
    torch.manual_seed(0)
    config = hdnet_lite(fpn_channels=4, branch_mid_channels=2, branch_channels=2, gnn_channels=4)
    save_checkpoint(folder / "good.safetensors", HDNet(config).eval(), PatchConvention(), name="a", data="none", licence="none")
    return (folder / "good.safetensors").read_bytes()


@given(st.data())
def test_any_checkpoint(folder, weights, data):
    path = folder / "spoiled.safetensors"
    spoiled_bytes = bytearray(weights)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, 8) | st.integers(0, 20_000) | st.integers(0, len(weights) - 1))
        spoiled_bytes[place : place + 1] = data.draw(st.binary(min_size=0, max_size=4))
    path.write_bytes(spoiled_bytes[: data.draw(st.just(len(spoiled_bytes)) | st.integers(0, len(spoiled_bytes)))])
    if path.read_bytes() == weights:
        return
    with pytest.raises(CheckpointError) as raised:
        load_checkpoint(path)
    one_line(raised.value, path)
