import json

import pytest

from hdnet_ros.core.depth_bins import DepthBins
from hdnet_ros.model.hdnet import HDNetConfig, hdnet_lite, hdnet_resnet50


@pytest.mark.parametrize("config", [HDNetConfig(), hdnet_lite(), hdnet_resnet50(use_gnn=False)])
def test_config_survives_json(config):
    assert HDNetConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_from_dict_unknown_key_is_named():
    with pytest.raises(ValueError, match="'fpn_chanels'.*fpn_channels"):
        HDNetConfig.from_dict({"fpn_chanels": 64})


def test_from_dict_unknown_bins_key_is_named():
    with pytest.raises(ValueError, match="stop"):
        HDNetConfig.from_dict({"bins": {"count": 71, "stop": 8.0}})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"backbone": "vgg"}, "'vgg'"),
        ({"fpn_channels": 0}, "fpn_channels is 0"),
        ({"gnn_layers": 2.0}, "gnn_layers is 2.0"),
        ({"use_gnn": 1}, "use_gnn is 1"),
        ({"links": [[0, 17]]}, r"\(0, 17\)"),
        ({"bins": 71}, "bins is 71"),
    ],
)
def test_bad_value_is_named(values, message):
    with pytest.raises(ValueError, match=message):
        HDNetConfig.from_dict(values)


def test_defaults_are_the_papers():
    config = HDNetConfig()
    assert (config.backbone, config.fpn_channels, config.gnn_layers) == ("resnet50", 256, 2)
    assert config.bins == DepthBins(71, 1.0, 8.0)
    assert len(config.links) == 16
