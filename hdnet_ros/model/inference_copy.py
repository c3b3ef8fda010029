"""Networks rewritten for inference: the same function in fewer operations."""

from __future__ import annotations

import copy

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from hdnet_ros.model.branch import MultiScaleBranch
from hdnet_ros.model.hdnet import HDNet
from hdnet_ros.model.joint_witness import JointWitness
from hdnet_ros.model.upsampled_conv import UpsampledConv


def inference_copy(network: HDNet) -> HDNet:
    """Copy of a network in eval mode that computes the same in fewer operations.

    Batch normalisation goes into the convolution before it, and levels are convolved before they
    are upsampled. Outputs agree to float32 rounding. The copy has other tensors than its config
    says, so it cannot be saved or trained.

    Raises
    ------
    ValueError : the network is in training mode, where statistics still change
    """
    if network.training:
        raise ValueError("network is in training mode, expected eval mode")
    folded = copy.deepcopy(network)
    for parent in list(folded.modules()):
        previous_name, previous = "", None
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d) and isinstance(previous, nn.Conv2d):
                setattr(parent, previous_name, fuse_conv_bn_eval(previous, child))
                setattr(parent, name, nn.Identity())
            previous_name, previous = name, child
    for module in folded.modules():
        if isinstance(module, MultiScaleBranch) and module.upsample_first:
            _convolve_before_upsampling(module)
        elif isinstance(module, JointWitness):
            module.put_in_order()
    return folded


def _convolve_before_upsampling(branch: MultiScaleBranch) -> None:
    for level in range(1, len(branch.mix)):
        branch.mix[level][0] = UpsampledConv(branch.mix[level][0], 2**level)
    branch.upsample_first = False
