"""Moving averages of weights."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def average_into(average: nn.Module, now: nn.Module, stays: float) -> None:
    """Move an average towards a module of the same kind, of which it keeps a share `stays`; counters are copied."""
    for kept, value in zip(average.state_dict().values(), now.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(value, 1.0 - stays)
        else:
            kept.copy_(value)
