"""How far the depth follows box and rung, for networks of which that is known."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hdnet_ros.core.camera import Camera  # noqa: E402
from hdnet_ros.core.depth_bins import DepthBins  # noqa: E402
from hdnet_ros.core.patch_camera import PatchConvention  # noqa: E402
from hdnet_ros.core.types import Detection  # noqa: E402
from hdnet_ros.data.labelled import LabelledPicture  # noqa: E402
from hdnet_ros.evaluate.suites import stability  # noqa: E402
from hdnet_ros.locate.factory import EstimatorSettings  # noqa: E402

BINS = DepthBins(count=71, start=0.333, end=15.4)
CONVENTION = PatchConvention()
SETTINGS = EstimatorSettings(device="cpu", second_look="never")


@dataclass
class Output:
    heatmaps: torch.Tensor
    joints_cells: torch.Tensor
    bin_logits: torch.Tensor
    bin_index: torch.Tensor


class SameBin(torch.nn.Module):
    """Says the same bin whatever it sees: depth over the patch's focal length never changes."""

    def forward(self, images, box_masks, patch_index=None):
        people, cells = len(box_masks), CONVENTION.heatmap_px
        return Output(
            torch.full((people, 17, cells, cells), 1.0 / cells**2),
            torch.full((people, 17, 2), 0.5 * (cells - 1)),
            torch.zeros(people, BINS.count),
            torch.full((people,), 30.0),
        )


def pictures(*heights_px):
    image = np.zeros((480, 640, 3), np.uint8)
    camera = Camera.from_matrix([500.0, 0, 320.0, 0, 500.0, 240.0, 0, 0, 1.0], (640, 480))
    boxes = [Detection(np.array([320.0, 240.0, 0.4 * h, h])) for h in heights_px]
    return [LabelledPicture(image, camera, [box], np.array([5000.0])) for box in boxes]


def test_depth_that_is_a_share_of_the_patchs_focal_length_follows_every_rung(monkeypatch):
    checkpoint = SimpleNamespace(
        network=SameBin(), convention=CONVENTION, config=SimpleNamespace(bins=BINS), calibration=None,
        metadata={},
    )
    monkeypatch.setattr("hdnet_ros.evaluate.suites.jittered", lambda box, rng: box)
    found = stability(checkpoint, pictures(100.0, 150.0, 200.0), SETTINGS)
    # A rung is a factor of the square root of two, up and down.
    assert found["rung_mean"] == pytest.approx(0.5 * (np.sqrt(2.0) - np.sqrt(0.5)), abs=1e-3)
    assert found["jitter_p95"] == found["jitter_mean"] == 0.0

    def doubled(box, rng):
        return np.array([*box[:2], 2.0 * box[2], 2.0 * box[3]])

    monkeypatch.setattr("hdnet_ros.evaluate.suites.jittered", doubled)
    found = stability(checkpoint, pictures(100.0, 100.0), SETTINGS)
    assert found["jitter_mean"] == pytest.approx(0.5, abs=1e-3)
