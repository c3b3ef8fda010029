"""Root depth from the box alone: what is known about a person's size, without any weights.

Both have the estimator's interface. Neither can tell a tall person far away from a short one near
by, nor a loose box from a near person; they are the bar that a network has to clear. Their formulas
are a pinhole's: a fisheye's box is first seen by one that looks at it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hdnet_ros.core.boxes import detection_problem, touches_border, turned_box
from hdnet_ros.core.camera import Camera, check_image_size
from hdnet_ros.core.human_size import STATURE_SIGMA_RELATIVE
from hdnet_ros.core.types import NUMERIC_ERRORS, Detection, PersonEstimate, PersonFlags
from hdnet_ros.locate.protocol import BoxedImage, Estimator, Located

_LOG = logging.getLogger(__name__)

# A prior cuts no patch; the paper's stands in, so that normalised depth is depth / focal length; for
# a fisheye one turned to the box, along whose axis the depth is the range.
_PAPER_PATCH_PX = 1000.0
_PAPER_INPUT_PX = 256.0


class _BoxPrior(Estimator):
    """What the two priors share."""

    device = "cpu"
    box_sigma_relative: float

    def localize_many(self, images: Sequence[BoxedImage]) -> list[Located]:
        """As `Estimator.localize_many`; the root is taken to be at the box's centre.

        Images may be None; they are not looked at.

        Raises
        ------
        ValueError : an image is not of the camera's size
        """
        return [self._located(*boxed) for boxed in images]

    def _located(
        self, image_rgb: np.ndarray | None, detections: Sequence[Detection], camera: Camera
    ) -> Located:
        if image_rgb is not None:
            check_image_size(image_rgb, camera)
        located = Located()
        for index, detection in enumerate(detections):
            try:
                with np.errstate(all="ignore"):
                    person, reason = self._person(detection, camera)
            except NUMERIC_ERRORS as error:
                person, reason = None, str(error)
            if person is not None and (problem := person.problem()):
                person, reason = None, problem
            if person is None:
                located.rejected.append((index, reason))
                _LOG.debug("detection %d left out: %s", index, reason)
            else:
                located.people.append(person)
        return located

    def _person(
        self, detection: Detection, camera: Camera
    ) -> tuple[PersonEstimate | None, str]:
        box = detection.box_xywh_center_px
        problem = detection_problem(detection, camera.size_wh_px)
        if problem:
            return None, problem
        ray, turned_wh_px = turned_box(box, camera)
        depth_mm = self.depth_mm(box, camera)
        distance_mm = depth_mm if ray is None else depth_mm / float(ray[2])
        root_camera_mm = camera.backproject(box[:2], depth_mm)
        if not np.isfinite(root_camera_mm).all():
            return None, f"box centre ({box[0]:.1f}, {box[1]:.1f}) px has no ray through the lens"
        cut = touches_border(box, camera.size_wh_px)
        person = PersonEstimate(
            id=detection.id,
            score=detection.score,
            box_xywh_center_px=box,
            root_camera_mm=root_camera_mm,
            depth_sigma_mm=depth_mm * float(np.hypot(STATURE_SIGMA_RELATIVE, self.box_sigma_relative)),
            normalised_depth=distance_mm / camera.focal_px,
            focal_px=camera.focal_px,
            patch_px=_PAPER_PATCH_PX,
            patch_focal_px=camera.focal_px * _PAPER_INPUT_PX / _PAPER_PATCH_PX,
            box_ray_camera=ray,
            turned_box_wh_px=turned_wh_px,
            flags=(PersonFlags.TRUNCATED_BOX if cut else PersonFlags.NONE)
            | (PersonFlags.NONE if detection.id else PersonFlags.UNTRACKED_ID),
        )
        return person, ""

    def depth_mm(self, box_xywh_center_px: np.ndarray, camera: Camera) -> float:
        """Depth in mm along the optical axis of a box (4,), px."""
        ray, turned_wh_px = turned_box(box_xywh_center_px, camera)
        if ray is None or turned_wh_px is None:
            return self._distance_mm(box_xywh_center_px[2:], camera.focal_px)
        return self._distance_mm(turned_wh_px, camera.focal_px) * float(ray[2])

    def _distance_mm(self, box_wh_px: np.ndarray, focal_px: float) -> float:
        """Depth in mm along the axis of the pinhole whose px the box's width and height are."""
        raise NotImplementedError


@dataclass
class BoxHeightPrior(_BoxPrior):
    """Depth of a standing person from the height of the box, Z = f * stature / h.

    Parameters
    ----------
    stature_mm : assumed body height, mm
    box_sigma_relative : how loosely detectors' boxes fit; sigma is this and the 5.6 % of adults'
        heights, added in quadrature. 13 % is what boxes of OpenCV's HOG detector had on real
        footage; hand-made boxes have less.
    """

    name = "box-height"
    stature_mm: float = 1700.0
    box_sigma_relative: float = 0.13

    def _distance_mm(self, box_wh_px: np.ndarray, focal_px: float) -> float:
        return float(focal_px * self.stature_mm / box_wh_px[1])


@dataclass
class BoxAreaPrior(_BoxPrior):
    """RootNet's k = sqrt(fx fy A_real / A_img) (Moon et al., ICCV 2019), before its correction.

    The box is first made square on its longer side. RootNet's released code also enlarges it by
    1.25 before it takes the area; without that a standing person of 1.7 m comes out at
    2 / 1.7 = 1.18 times the true depth, which is what RootNet's network is there to correct.

    Parameters
    ----------
    side_real_mm : side of the square that a person is taken to fill, mm; A_real is its square
    enlargement : factor on the box's side; 1.25 for RootNet's released code
    box_sigma_relative : added in quadrature to the 5.6 % of adults' heights; wide, as the area
        prior does not know how much of its square a person fills
    """

    name = "box-area"
    side_real_mm: float = 2000.0
    enlargement: float = 1.0
    box_sigma_relative: float = 0.2

    def _distance_mm(self, box_wh_px: np.ndarray, focal_px: float) -> float:
        side_px = self.enlargement * float(max(box_wh_px))
        return float(focal_px * self.side_real_mm / side_px)
