"""Where the network runs, and in which precision."""

from __future__ import annotations

import logging

import torch

_LOG = logging.getLogger(__name__)


def choose_device(device: str) -> torch.device:
    """The torch device of a name; "auto" is CUDA where there is one, else the CPU, with a warning.

    Raises
    ------
    ValueError : an unknown name, or CUDA asked for where there is none
    """
    has_cuda = torch.cuda.is_available()
    if device == "auto":
        if not has_cuda:
            _LOG.warning("NO CUDA DEVICE: HDNet runs on the CPU")
        return torch.device("cuda" if has_cuda else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"device is {device!r}, expected auto, cpu, cuda or cuda:N") from error
    if chosen.type == "cuda" and not has_cuda:
        raise ValueError(f"device is {device!r}, but torch finds no CUDA here; use auto or cpu")
    return chosen


def choose_precision(precision: str, device: torch.device) -> torch.dtype:
    """The type that convolutions compute in; "auto" is bfloat16 where a CPU has instructions for it.

    Raises
    ------
    ValueError : an unknown name, or one that PyTorch does not compute in on this device
    """
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    if device.type != "cpu":
        known["float16"] = torch.float16
    if precision in known:
        return known[precision]
    if precision != "auto":
        raise ValueError(
            f"precision is {precision!r}, expected auto, {', '.join(known)} for PyTorch on {device}"
        )
    # PyTorch before 2.5 cannot tell what the processor has.
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    has_bfloat16 = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
    return torch.bfloat16 if device.type == "cpu" and has_bfloat16 else torch.float32
