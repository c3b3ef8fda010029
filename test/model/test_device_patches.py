"""Patches cut by PyTorch beside those cut by OpenCV: the same to rounding."""

import numpy as np
import pytest
import torch

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.patch import OUTSIDE_RGB, PatchConvention, sample_patch
from hdnet_ros.core.patch import box_in_patch, patch_camera_for
from hdnet_ros.model import look
from hdnet_ros.model.device_patches import DeviceImage

LENS = Camera.from_matrix(
    [600.0, 0, 319.5, 0, 600.0, 239.5, 0, 0, 1], (640, 480), "plumb_bob", [-0.2, 0.05, 0.001, 0.0, 0.0]
)


@pytest.fixture(scope="module")
def image_rgb():
    """Smooth and fine detail, so that both aliasing and the place of a pixel would show."""
    rows, columns = np.mgrid[:480, :640].astype(np.float32)
    waves = [127 + 100 * np.sin(columns / step + rows / (2 * step)) for step in (40.0, 12.0, 3.0)]
    return np.stack(waves, axis=-1).astype(np.uint8)


@pytest.mark.parametrize(
    "box",
    [
        (320.0, 240.0, 30.0, 80.0),  # enlarged
        (200.0, 200.0, 80.0, 150.0),  # about its own size
        (320.0, 240.0, 150.0, 400.0),  # shrunk, and half outside the image
        (20.0, 30.0, 60.0, 170.0),  # in the corner
    ],
)
@pytest.mark.parametrize("mode", ["virtual", "crop"])
def test_patch_is_that_of_opencv(image_rgb, box, mode):
    expected, patch_camera = sample_patch(image_rgb, LENS, np.array(box), PatchConvention(mode=mode))
    found = DeviceImage(image_rgb, LENS, torch.device("cpu")).patch(patch_camera).permute(1, 2, 0).numpy()
    difference = np.abs(found.astype(int) - expected)
    # OpenCV places pixels to a 32nd of one.
    assert np.percentile(difference, 99) <= 3 and difference.mean() < 0.6


def test_patch_of_what_the_image_does_not_show_is_outside(image_rgb):
    _, patch_camera = sample_patch(image_rgb, LENS, np.array([320.0, 240.0, 30.0, 80.0]), PatchConvention())
    elsewhere = Camera.from_matrix([600.0, 0, 5000.0, 0, 600.0, 239.5, 0, 0, 1], (640, 480))
    found = DeviceImage(image_rgb, elsewhere, torch.device("cpu")).patch(patch_camera)
    assert found.shape == (3, 256, 256)
    assert (found.permute(1, 2, 0).numpy() == OUTSIDE_RGB).all()


def test_network_inputs_of_several_images_are_the_same_cut_either_way(image_rgb, monkeypatch):
    convention, people = PatchConvention(), []
    for image in (image_rgb, 255 - image_rgb):
        for box in ((200.0, 200.0, 80.0, 150.0), (420.0, 240.0, 150.0, 400.0)):
            patch_camera = patch_camera_for(LENS, box, convention)
            box_patch_px = box_in_patch(box, LENS, patch_camera)
            people.append(look.PersonInImage(image, LENS, np.array(box), patch_camera, box_patch_px))
    expected = look.network_inputs(people, convention, torch.device("cpu"))
    monkeypatch.setattr(look, "_cuts_there", lambda device: True)
    found = look.network_inputs(people, convention, torch.device("cpu"))
    images, cut_here = found[0].stacked(), expected[0].stacked()
    assert found[0].shape == images.shape == (4, 3, 256, 256) and images.dtype == torch.uint8
    assert (images.int() - cut_here.int()).abs().float().mean() < 0.6
    assert torch.equal(found[1], expected[1]) and torch.equal(found[2], expected[2])
