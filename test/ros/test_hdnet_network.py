"""hdnet_node with a real network of random weights: it must say what the estimator says."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not in this environment")
pytest.importorskip("vision_msgs", reason="vision_msgs is not built (./run test builds it)")

from hdnet_ros.msg import PersonRootArray  # noqa: E402

BOXES = [(420.0, 240.0, 150.0, 425.0), (100.0, 200.0, 60.0, 170.0)]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    import torch

    from hdnet_ros.core.patch import PatchConvention
    from hdnet_ros.model.checkpoint import save_checkpoint
    from hdnet_ros.model.config import HDNetConfig
    from hdnet_ros.model.hdnet import HDNet

    torch.manual_seed(1)
    config = HDNetConfig(
        backbone="efficientnet_lite0", fpn_channels=16, branch_mid_channels=16,
        branch_channels=8, gnn_channels=16,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_checkpoint(
        path, HDNet(config).eval(), PatchConvention(), name="random", data="none",
        licence="Apache-2.0", calibration=None,
    )  # fmt: skip
    return path


def test_the_node_says_what_the_estimator_says(
    bench, make_hdnet_node, make_camera_client, checkpoint, stamp_of
):
    from hdnet_ros.core.camera import Camera
    from hdnet_ros.core.types import Detection
    from hdnet_ros.locate.factory import EstimatorSettings, make_estimator

    node = make_hdnet_node("/network", estimator="hdnet", weights=str(checkpoint), device="cpu")
    camera = make_camera_client("/network")
    persons = bench.collect(PersonRootArray, "/network/hdnet_node/persons")
    camera.wait_for_subscribers()
    bench.wait(lambda: node.count_subscribers("/network/hdnet_node/persons"), "discovery")
    image_bgr = np.random.default_rng(2).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    stamp_ns = camera.send(BOXES, image={"data": image_bgr.tobytes()})
    bench.wait(lambda: persons, "answer", 30.0)
    assert stamp_of(persons[0].header) == stamp_ns and persons[0].estimator == "random"

    estimator, _ = make_estimator(EstimatorSettings("hdnet", str(checkpoint), "cpu"), is_live=True)
    K = [1000.0, 0.0, 320.0, 0.0, 1000.0, 240.0, 0.0, 0.0, 1.0]
    expected = estimator.localize(
        np.ascontiguousarray(image_bgr[..., ::-1]),
        [Detection(np.array(box), score=0.9) for box in BOXES],
        Camera.from_matrix(K, (640, 480)),
    )
    assert len(persons[0].persons) == len(expected) == 2
    for message, person in zip(persons[0].persons, expected):
        root = message.root_pose.pose.position
        np.testing.assert_allclose(
            [root.x, root.y, root.z], person.root_camera_mm / 1000.0, rtol=1e-4
        )
        assert message.depth_sigma_m == pytest.approx(person.depth_sigma_mm / 1000.0, rel=1e-4)
        assert message.patch_px == pytest.approx(person.patch_px)
        joint = message.keypoints[message.HEAD_TOP]
        np.testing.assert_allclose([joint.u_px, joint.v_px], person.joints_px[10], atol=0.05)


@pytest.mark.parametrize("own, spins", [({}, "2000"), ({"OMP_WAIT_POLICY": "PASSIVE"}, "0"), ({"GOMP_SPINCOUNT": "7"}, "7")])
def test_threads_that_wait_sleep_soon_unless_the_environment_says_how(checkpoint, own, spins):
    code = (
        "import sys\n"
        "from hdnet_ros.locate.factory import EstimatorSettings, make_estimator\n"
        "make_estimator(EstimatorSettings('hdnet', sys.argv[1], 'cpu'), is_live=True)"
    )
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    process = subprocess.run(
        [sys.executable, "-c", code, str(checkpoint)],
        env={**inherited, "OMP_DISPLAY_ENV": "VERBOSE", **own}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    told = re.findall(r"GOMP_SPINCOUNT = '(\d+)'", process.stderr)
    if not told:
        pytest.skip("this PyTorch's OpenMP is not GNU's")
    assert set(told) == {spins}


def test_patch_mode_is_the_parameters(checkpoint):
    from hdnet_ros.locate.factory import EstimatorSettings, make_estimator

    for patch, mode in (("crop", "crop"), ("virtual", "virtual")):
        estimator, _ = make_estimator(EstimatorSettings("hdnet", str(checkpoint), "cpu", patch), is_live=True)
        assert estimator.convention.mode == mode
        assert (estimator.name, estimator.device) == ("random", "cpu")


def test_second_look_is_the_parameters(checkpoint):
    from hdnet_ros.locate.factory import EstimatorSettings, make_estimator

    for wanted in ("auto", "always", "never"):
        settings = EstimatorSettings("hdnet", str(checkpoint), "cpu", "crop", second_look=wanted)
        assert make_estimator(settings, is_live=True)[0].looks == (2 if wanted == "always" else 1)
    nobody_waits, _ = make_estimator(EstimatorSettings("hdnet", str(checkpoint), "cpu"), is_live=False)
    assert nobody_waits.looks == 2


def test_a_device_that_is_not_there_is_named(checkpoint):
    from hdnet_ros.locate.factory import EstimatorError, EstimatorSettings, make_estimator

    with pytest.raises(EstimatorError, match="cuda:99"):
        make_estimator(EstimatorSettings("hdnet", str(checkpoint), "cuda:99"), is_live=True)
