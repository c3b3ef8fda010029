"""Bundled weights are found in a checkout and in an installation, without ROS."""

from hdnet_ros.model.default_weights import find_default_weights


def _place(root, module: str, weights: str):
    (root / module).parent.mkdir(parents=True)
    (root / weights).parent.mkdir(parents=True)
    (root / weights).write_bytes(b"weights")
    return root / module, root / weights


def test_checkout_keeps_them_in_weights(tmp_path):
    module, weights = _place(
        tmp_path, "hdnet_ros/model/default_weights.py", "weights/hdnet_lite.safetensors"
    )
    assert find_default_weights(module) == weights


def test_installation_keeps_them_in_share(tmp_path):
    module, weights = _place(
        tmp_path,
        "lib/python3.12/site-packages/hdnet_ros/model/default_weights.py",
        "share/hdnet_ros/weights/hdnet_lite.safetensors",
    )
    assert find_default_weights(module) == weights


def test_none_where_there_are_none(tmp_path):
    assert find_default_weights(tmp_path / "a/hdnet_ros/model/default_weights.py") is None
