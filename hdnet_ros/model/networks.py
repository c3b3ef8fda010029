"""The kinds of networks that can be trained and stored, by the name that checkpoints and YAML use."""

from __future__ import annotations

from typing import Any

from torch import nn

from hdnet_ros.model.config import HDNetConfig
from hdnet_ros.model.hdnet import HDNet
from hdnet_ros.model.rootnet import RootNet, RootNetConfig

DEFAULT_KIND = "hdnet"
CONFIGS = {"hdnet": HDNetConfig, "rootnet": RootNetConfig}
_NETWORKS = {HDNetConfig: HDNet, RootNetConfig: RootNet}


def config_class(kind: str) -> Any:
    """Configuration class of a kind.

    Raises
    ------
    ValueError : a kind that does not exist
    """
    if kind not in CONFIGS:
        raise ValueError(f"network kind is {kind!r}, expected one of {', '.join(CONFIGS)}")
    return CONFIGS[kind]


def kind_of(config: HDNetConfig | RootNetConfig) -> str:
    """Name of a configuration's kind."""
    return next(kind for kind, cls in CONFIGS.items() if isinstance(config, cls))


def make_network(config: HDNetConfig | RootNetConfig) -> nn.Module:
    """The network that a configuration describes, with random weights."""
    return _NETWORKS[type(config)](config)
