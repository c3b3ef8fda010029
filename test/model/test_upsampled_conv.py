import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hdnet_ros.model.upsampled_conv import UpsampledConv


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
@pytest.mark.parametrize("size_hw", [(1, 1), (2, 5), (6, 4)])
def test_upsampled_conv_equals_the_convolution_of_the_upsampled_map(factor, size_hw):
    torch.manual_seed(factor)
    conv = nn.Conv2d(3, 5, 3, padding=1).double()
    x = torch.randn(2, 3, *size_hw, dtype=torch.float64)
    expected = conv(F.interpolate(x, scale_factor=factor, mode="nearest"))
    with torch.inference_mode():
        found = UpsampledConv(conv, factor)(x)
    torch.testing.assert_close(found, expected.detach(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "conv, factor",
    [(nn.Conv2d(3, 5, 3), 2), (nn.Conv2d(3, 5, 1), 2), (nn.Conv2d(4, 4, 3, padding=1, groups=4), 2),
     (nn.Conv2d(3, 5, 3, padding=1), 1)],
)  # fmt: skip
def test_upsampled_conv_refuses_what_it_does_not_compute(conv, factor):
    with pytest.raises(ValueError, match="expected plain 3 x 3 and 2 or more"):
        UpsampledConv(conv, factor)
