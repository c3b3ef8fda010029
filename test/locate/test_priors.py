import numpy as np
import pytest

from hdnet_ros.core.camera import Camera
from hdnet_ros.locate.protocol import BoxedImage
from hdnet_ros.locate.priors import BoxAreaPrior, BoxHeightPrior
from hdnet_ros.core.types import Detection, PersonFlags

CAMERA = Camera.from_matrix((1200, 0, 640, 0, 1200, 360, 0, 0, 1), (1280, 720))


def test_box_height_prior_of_200_px_at_f_1200_is_10_2_m():
    (person,) = BoxHeightPrior().localize(None, [Detection((760.0, 360.0, 60, 200), 0.7, "a")], CAMERA)
    assert person.root_camera_mm == pytest.approx([1020.0, 0.0, 10_200.0])
    assert person.normalised_depth == pytest.approx(8.5)
    assert person.patch_focal_px == pytest.approx(1200 * 0.256)
    assert (person.id, person.score, person.flags) == ("a", 0.7, PersonFlags.NONE)
    assert person.depth_sigma_mm / 10_200.0 == pytest.approx(np.hypot(0.056, 0.13))
    assert np.isnan(person.joints_px).all() and person.joints_px.shape == (17, 2)


def test_box_height_prior_takes_the_geometric_mean_of_the_focal_lengths():
    camera = Camera.from_matrix((1000, 0, 640, 0, 1210, 360, 0, 0, 1), (1280, 720))
    (person,) = BoxHeightPrior(stature_mm=1600).localize(None, [Detection((640, 360, 60, 200))], camera)
    assert person.root_camera_mm[2] == pytest.approx(np.sqrt(1000 * 1210) * 8.0)


@pytest.mark.parametrize(("width", "height"), [(60, 240), (240, 60), (240, 240)])
def test_box_area_prior_makes_the_box_square_first(width, height):
    (person,) = BoxAreaPrior().localize(None, [Detection((640, 360, width, height))], CAMERA)
    # sqrt(1200 * 1200 * 2000^2 / 240^2)
    assert person.root_camera_mm[2] == pytest.approx(10_000.0)


def test_box_area_prior_with_rootnets_enlargement_is_nearer():
    (person,) = BoxAreaPrior(enlargement=1.25).localize(None, [Detection((640, 360, 60, 240))], CAMERA)
    assert person.root_camera_mm[2] == pytest.approx(8_000.0)


@pytest.mark.parametrize("prior", [BoxHeightPrior(), BoxAreaPrior()])
def test_priors_leave_out_unusable_boxes_and_say_why(prior):
    boxes = [(np.nan, 0, 1, 1), (640, 360, 60, 200), (640, 360, 0, 200), (5000, 360, 60, 200)]
    detections = [Detection(box, id=str(i)) for i, box in enumerate(boxes)]
    located, nobody = prior.localize_many([BoxedImage(None, found, CAMERA) for found in (detections, [])])
    assert [person.id for person in located.people] == ["1"]
    assert [index for index, _ in located.rejected] == [0, 2, 3]
    assert (nobody.people, nobody.rejected) == ([], [])


def test_priors_flag_cut_boxes_and_missing_ids():
    (person,) = BoxHeightPrior().localize(None, [Detection((640, 620, 60, 200))], CAMERA)
    assert person.flags == PersonFlags.TRUNCATED_BOX | PersonFlags.UNTRACKED_ID


def test_priors_refuse_an_image_of_another_size():
    with pytest.raises(ValueError, match="image is 64 x 48 px, its camera says 1280 x 720"):
        BoxHeightPrior().localize(np.zeros((48, 64, 3), np.uint8), [], CAMERA)
