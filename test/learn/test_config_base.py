"""Configurations that build on another: what is inherited, and which network they mean."""

import pytest

from hdnet_ros.learn.config import load_train_config
from hdnet_ros.model.hdnet import HDNetConfig
from hdnet_ros.model.rootnet import RootNetConfig


@pytest.fixture
def written(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


def test_values_replace_those_of_the_base_key_by_key(written):
    written("base.yaml", "name: a\nseed: 5\nnetwork: {fpn_channels: 32, bins: {count: 61, start: 1.0, end: 8.0}}\n")
    heir = written("more/b.yaml", "base: ../base.yaml\nname: b\nnetwork: {use_gnn: false, bins: {count: 41}}\n")
    config = load_train_config(heir)
    assert (config.name, config.seed, config.network.fpn_channels) == ("b", 5, 32)
    assert config.network.use_gnn is False
    assert (config.network.bins.count, config.network.bins.end) == (41, 8.0)
    assert load_train_config(heir, {"network.fpn_channels": 16}).network.fpn_channels == 16


def test_base_of_a_base_counts_too(written):
    written("one.yaml", "name: a\nseed: 3\n")
    written("two.yaml", "base: one.yaml\nprecision: fp32\n")
    config = load_train_config(written("three.yaml", "base: two.yaml\nname: c\n"))
    assert (config.name, config.seed, config.precision) == ("c", 3, "fp32")


def test_base_that_leads_back_is_refused(written):
    written("one.yaml", "base: two.yaml\nname: a\n")
    with pytest.raises(ValueError, match="one.yaml: base .*two.yaml is based on this file"):
        load_train_config(written("two.yaml", "base: one.yaml\nname: a\n"))


def test_base_that_is_missing_is_named(written):
    with pytest.raises(FileNotFoundError, match="nobody.yaml"):
        load_train_config(written("one.yaml", "base: nobody.yaml\nname: a\n"))


ROOTNET = """
name: a
network: {kind: rootnet, backbone: efficientnet_lite0}
convention: {ladder: false, patch_per_box: 1.25}
data: {people_per_patch: 1}
"""


def test_kind_chooses_the_network(written):
    assert isinstance(load_train_config(written("r.yaml", ROOTNET)).network, RootNetConfig)
    assert isinstance(load_train_config(written("h.yaml", "name: a\nnetwork: {kind: hdnet}\n")).network, HDNetConfig)
    assert isinstance(load_train_config(written("n.yaml", "name: a\n")).network, HDNetConfig)


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("gazenet", "network: network kind is 'gazenet', expected one of hdnet, rootnet"),
        ("rootnet, use_gnn: false", "network: unknown key 'use_gnn'; expected one of backbone"),
    ],
)
def test_network_that_does_not_fit_is_named(written, kind, named):
    with pytest.raises(ValueError, match=named):
        load_train_config(written("r.yaml", f"name: a\nnetwork: {{kind: {kind}}}\n"))
