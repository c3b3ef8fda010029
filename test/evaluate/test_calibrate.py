"""Calibration of sigma: fitted on people whose errors are known, checked on others."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.depth_bins import DepthBins
from hdnet_ros.core.patch import PatchConvention
from hdnet_ros.core.types import Detection, SigmaCalibration
from hdnet_ros.data.labelled import LabelledPicture
from hdnet_ros.evaluate.calibrate import LEVEL_RANGE, TEMPERATURE_RANGE, fit, level_of, levelled_mm, predict, sigma_mm
from hdnet_ros.evaluate.depth_error import coverage

BINS = DepthBins.ladder()


def people(spread_log, error_log, count, seed):
    """Logits of Gaussians of `spread_log`, 5 m estimated, and truth that is off by `error_log`."""
    rng = np.random.default_rng(seed)
    numbers = np.arange(BINS.count)
    centre = BINS.count / 2 + rng.uniform(-3, 3, (count, 1))
    logits = -0.5 * ((numbers - centre) * BINS.log_step / spread_log) ** 2
    estimated_mm = np.full(count, 5000.0)
    return torch.tensor(logits), estimated_mm, estimated_mm * np.exp(rng.normal(0, error_log, count))


@pytest.mark.parametrize("error_log", [0.08, 0.15])
def test_fitted_sigma_covers_68_percent_of_fresh_people(error_log):
    calibration = fit(*people(0.10, error_log, 3000, seed=1), BINS)
    logits, estimated_mm, true_mm = people(0.10, error_log, 8000, seed=2)
    sigma = sigma_mm(logits, estimated_mm, BINS, calibration)
    covered = coverage(estimated_mm, sigma, true_mm)
    assert covered[0.68] == pytest.approx(0.68, abs=0.02)
    assert covered[0.95] == pytest.approx(0.95, abs=0.02)
    # A temperature T widens a Gaussian by sqrt(T); with the floor of 5.6 % it has to give the error.
    expected = (error_log**2 - 0.056**2) / 0.10**2
    assert calibration.temperature == pytest.approx(expected, rel=0.12)


def test_errors_below_the_floor_leave_the_floor():
    calibration = fit(*people(0.10, 0.03, 500, seed=3), BINS)
    assert calibration == SigmaCalibration(temperature=TEMPERATURE_RANGE[0], floor_relative=0.056)
    logits, estimated_mm, _ = people(0.10, 0.03, 5, seed=4)
    # What spread remains is that of a distribution that ends within a bin.
    assert sigma_mm(logits, estimated_mm, BINS, calibration) == pytest.approx(np.full(5, 280.0), rel=0.1)


def test_errors_beyond_what_temperature_can_reach_take_the_largest():
    assert fit(*people(0.01, 1.5, 500, seed=5), BINS).temperature == TEMPERATURE_RANGE[1]


def test_other_levels_can_be_fitted():
    calibration = fit(*people(0.10, 0.12, 3000, seed=6), BINS, level=0.95)
    logits, estimated_mm, true_mm = people(0.10, 0.12, 8000, seed=7)
    covered = coverage(estimated_mm, sigma_mm(logits, estimated_mm, BINS, calibration), true_mm)
    assert covered[0.95] == pytest.approx(0.95, abs=0.015)


class ByBrightness(torch.nn.Module):
    """A network whose peak is the bin that the middle of the patch is bright as."""

    def forward(self, images, box_masks, patch_index):
        bins = images[:, 0, 32, 32].long()[patch_index]
        logits = 20.0 * torch.nn.functional.one_hot(bins, BINS.count).float()
        people, cells = len(box_masks), torch.zeros(len(box_masks), 17, 2)
        return SimpleNamespace(
            heatmaps=torch.full((people, 17, 16, 16), 1 / 256), joints_cells=cells + 7.5,
            bin_logits=logits, bin_index=bins.float(),
        )  # fmt: skip


CAMERA = Camera(np.array([[500.0, 0, 160], [0, 500, 120], [0, 0, 1]]), (320, 240), "none", ())
CHECKPOINT = SimpleNamespace(
    network=ByBrightness(), convention=PatchConvention(input_px=64), config=SimpleNamespace(bins=BINS)
)


def test_predict_pairs_logits_with_the_truth_of_their_person():
    image = np.zeros((240, 320, 3), np.uint8)
    image[:, :160], image[:, 160:] = 30, 45
    outside = Detection(np.array([900.0, 120, 20, 60]))
    boxes = [Detection(np.array([80.0, 120, 20, 60])), outside, Detection(np.array([240.0, 120, 20, 60]))]
    picture = LabelledPicture(image, CAMERA, boxes, depth_mm=np.array([1000.0, 2000.0, 3000.0]))
    logits, estimated_mm, true_mm = predict(CHECKPOINT, [picture, picture], "cpu")
    assert logits.argmax(dim=1).tolist() == [30, 45, 30, 45]
    assert true_mm.tolist() == [1000.0, 3000.0, 1000.0, 3000.0]
    # The same patch scale: depth goes as the bins do, but for the turn of the virtual camera.
    assert estimated_mm[1] / estimated_mm[0] == pytest.approx(np.exp(15 * BINS.log_step), rel=1e-6)


def test_predict_without_people_is_named():
    picture = LabelledPicture(np.zeros((240, 320, 3), np.uint8), CAMERA, [], depth_mm=np.zeros(0))
    with pytest.raises(ValueError, match="nobody in 1 pictures"):
        predict(CHECKPOINT, [picture], "cpu")


def test_the_level_of_a_sigma_is_what_makes_it_cover():
    rng = np.random.default_rng(3)
    true, floor = rng.uniform(3000, 9000, 4000), 0.056
    own = rng.uniform(0.05, 0.3, 4000)
    estimated = true * (1.0 + np.hypot(2.0 * own, floor) * rng.standard_normal(4000))
    estimated = np.maximum(estimated, 300.0)
    factor = level_of(estimated, levelled_mm(estimated, own, floor), true, floor)
    assert factor == pytest.approx(2.0, rel=0.15)
    assert coverage(estimated, levelled_mm(estimated, factor * own, floor), true, (0.68,))[0.68] == pytest.approx(0.68, abs=0.01)


def test_the_level_ends_where_the_floor_covers_all_or_nothing_helps():
    true = np.full(50, 5000.0)
    sigma = np.full(50, 0.1 * 5000.0)
    assert level_of(true, sigma, true, 0.056) == LEVEL_RANGE[0]
    assert level_of(true, sigma, 10.0 * true, 0.056) == LEVEL_RANGE[1]
