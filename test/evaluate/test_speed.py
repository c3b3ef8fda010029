"""The benchmark's own arithmetic, and that the naive network is the same network."""

import numpy as np
import pytest
import torch

from hdnet_ros.core.depth_bins import DepthBins
from hdnet_ros.evaluate.speed import (
    bench_boxes, bench_picture, busy_processes, compare_with_naive, comparison, naive_forward, time_in_turns,
    time_within, timing,
)  # fmt: skip
from hdnet_ros.model.hdnet import HDNet, hdnet_lite


@pytest.fixture(scope="module")
def network() -> HDNet:
    torch.manual_seed(0)
    small = dict(fpn_channels=16, branch_mid_channels=8, branch_channels=8, gnn_channels=16)
    return HDNet(hdnet_lite(**small, bins=DepthBins(count=11, start=1.0, end=8.0))).eval()


def test_naive_and_batched_networks_agree(network):
    images = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    box_masks = torch.zeros(3, 16, 16, dtype=torch.bool)
    box_masks[:, 2:14, 4:9] = True
    with torch.inference_mode():
        batched = network(images, box_masks).bin_logits
    torch.testing.assert_close(naive_forward(network, images, box_masks), batched, rtol=1e-4, atol=1e-5)


def test_comparison_of_a_network_with_itself_reports_both_ways(network):
    found = compare_with_naive(network, {"itself": network}, people=1, repeats=3)["itself"]
    assert found.slow.repeats == found.fast.repeats == 3
    assert found.ratio_p25 <= found.ratio_median <= found.ratio_p75


def test_networks_that_differ_are_not_compared(network):
    other = HDNet(network.config).eval()
    with pytest.raises(RuntimeError, match="of other differ by"):
        compare_with_naive(network, {"other": other}, people=1, repeats=3)


def test_median_and_middle_half():
    found = timing([1.0, 2.0, 3.0, 4.0, 100.0])
    assert (found.median_ms, found.p25_ms, found.p75_ms, found.repeats) == (3.0, 2.0, 4.0, 5)


def test_time_within_stops_after_the_repeats_or_the_time():
    runs = []
    assert time_within(lambda: runs.append(1), repeats=5, limit_s=60.0).repeats == 5
    assert time_within(lambda: runs.append(1), repeats=10**9, limit_s=0.0).repeats == 3


def test_busy_processes_end_with_the_block():
    import subprocess

    started = []

    class Recorded(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            started.append(self)

    original, subprocess.Popen = subprocess.Popen, Recorded
    try:
        with busy_processes(2):
            assert [process.poll() for process in started] == [None, None]
    finally:
        subprocess.Popen = original
    assert all(process.poll() is not None for process in started)


def test_ratio_is_taken_round_by_round():
    # A machine that is twice as slow in the second round does not move the ratio.
    found = comparison([20.0, 40.0, 20.0], [10.0, 20.0, 10.0])
    assert (found.ratio_p25, found.ratio_median, found.ratio_p75) == (2.0, 2.0, 2.0)


def test_ways_are_run_in_turns():
    said = []
    first, second = time_in_turns([lambda: said.append("a"), lambda: said.append("b")], repeats=2)
    assert "".join(said) == "abababab"
    assert len(first) == len(second) == 2


def test_turns_end_with_the_time_but_not_before_two():
    said = []
    ways = [lambda: said.append("a"), lambda: said.append("b")]
    first, second = time_in_turns(ways, repeats=10**9, limit_s=0.0)
    assert len(first) == len(second) == 2
    # Where there is no time one round warms up.
    assert "".join(said) == "ababab"


def test_boxes_lie_in_the_picture():
    image_rgb, camera = bench_picture()
    assert image_rgb.shape == (720, 1280, 3) and image_rgb.dtype == np.uint8
    for detection in bench_boxes(20):
        x, y, w, h = detection.box_xywh_center_px
        assert 0 < x - w / 2 and x + w / 2 < 1280
        assert 0 < y - h / 2 and y + h / 2 < 720
    assert len(bench_boxes(20)) == 20
    assert camera.size_wh_px == (1280, 720)
