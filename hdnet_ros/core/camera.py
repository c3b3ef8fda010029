"""A calibrated camera: intrinsics, lens distortion and image size, kept together with the image.

Pixel centres lie at integer coordinates (OpenCV, ROS): an image of width w covers [-0.5, w - 0.5].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from hdnet_ros.core.distortion import COEFFICIENT_COUNTS, distort, undistort, valid_radius


# The longest telescopes have a focal length of some 1e6 px.
_LONGEST_PX = 1e7


@dataclass(frozen=True, eq=False)
class Camera:
    """Pinhole with a lens; points in the optical frame (z forward, x right, y down), mm.

    Parameters
    ----------
    K : (3, 3) intrinsic matrix, px
    size_wh_px : width and height of the image, px
    distortion_model : "none", "plumb_bob", "rational_polynomial" or "equidistant"
    distortion : coefficients in OpenCV's order: 4 or 5; 8, 12 or 14; 4
    centre_mm : (3,) where the optical centre is in the frame that results are told in; not zero
        only for the second camera of a rectified stereo pair (CameraInfo's P, fourth column).
        Nothing of this class counts from there: `PersonEstimate.moved` does

    Raises
    ------
    ValueError : a zero, non-finite or enormous intrinsic, skew, an image size below 1 px, an
        unknown distortion model, or a number of coefficients that the model does not have
    """

    K: np.ndarray
    size_wh_px: tuple[int, int]
    distortion_model: str = "none"
    distortion: tuple[float, ...] = ()
    centre_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        K = _checked_matrix(self.K)
        K.setflags(write=False)
        object.__setattr__(self, "K", K)
        object.__setattr__(self, "size_wh_px", _checked_size(self.size_wh_px))
        model, coefficients = _checked_distortion(self.distortion_model, self.distortion)
        object.__setattr__(self, "distortion_model", model)
        object.__setattr__(self, "distortion", coefficients)

    @classmethod
    def from_matrix(
        cls,
        K: Sequence[float] | np.ndarray,
        size_wh_px: tuple[int, int],
        distortion_model: str = "none",
        distortion: Sequence[float] = (),
    ) -> Camera:
        """Camera from a 3x3 or flat row-major K; a lens of all zeros becomes "none"."""
        K = np.asarray(K, dtype=np.float64)
        if K.size != 9:
            raise ValueError(f"K has {K.size} values, expected 9 (3x3, row-major)")
        coefficients = tuple(float(value) for value in distortion)
        zero_lens = distortion_model != "equidistant" and not any(coefficients)
        if zero_lens and distortion_model in ("", *COEFFICIENT_COUNTS):
            distortion_model, coefficients = "none", ()
        return cls(K.reshape(3, 3), size_wh_px, distortion_model, coefficients)

    @property
    def focal_px(self) -> float:
        """sqrt(fx fy), px."""
        return float(np.sqrt(self.K[0, 0] * self.K[1, 1]))

    @property
    def principal_point_px(self) -> np.ndarray:
        return self.K[:2, 2].copy()

    def project(self, points_camera_mm: np.ndarray) -> np.ndarray:
        """Pixels of points in the camera frame.

        Parameters
        ----------
        points_camera_mm : (..., 3) mm; any unit gives the same pixels

        Returns
        -------
        (..., 2) px, also outside the image; NaN behind the camera (z <= 0) and where the lens
        model has folded back
        """
        points = np.asarray(points_camera_mm, dtype=np.float64)
        u, v = self.project_components(points[..., 0], points[..., 1], points[..., 2])
        return np.stack([u, v], axis=-1)

    def project_components(self, x, y, z) -> tuple[np.ndarray, np.ndarray]:
        """`project` on separate, broadcastable components, in the dtype they come in."""
        fx, fy, cx, cy = (float(self.K[i]) for i in ((0, 0), (1, 1), (0, 2), (1, 2)))
        with np.errstate(all="ignore"):
            depth = np.where(z > 0.0, z, np.asarray(np.nan, dtype=np.asarray(z).dtype))
            x, y = x / depth, y / depth
            limit = valid_radius(self.distortion_model, self.distortion)
            if np.isfinite(limit):
                x = np.where(x * x + y * y <= limit * limit, x, np.nan).astype(x.dtype, copy=False)
            x, y = distort(self.distortion_model, self.distortion, x, y)
            u, v = fx * x + cx, fy * y + cy
        # One bad component makes the whole pixel NaN, never half of it.
        return u + 0.0 * v, v + 0.0 * u

    def rays(self, points_px: np.ndarray) -> np.ndarray:
        """Viewing rays of pixels, undistorted, with z = 1.

        Parameters
        ----------
        points_px : (..., 2) px, inside or outside the image

        Returns
        -------
        (..., 3); NaN where no ray of less than 90 degrees reaches that pixel through the lens
        """
        points = np.asarray(points_px, dtype=np.float64)
        x = (points[..., 0] - self.K[0, 2]) / self.K[0, 0]
        y = (points[..., 1] - self.K[1, 2]) / self.K[1, 1]
        x, y = undistort(self.distortion_model, self.distortion, x, y)
        return np.stack([x, y, np.where(np.isnan(x + y), np.nan, 1.0)], axis=-1)

    def backproject(self, points_px: np.ndarray, depth_mm: np.ndarray | float) -> np.ndarray:
        """Points of the camera frame that show at given pixels at given depths.

        Parameters
        ----------
        points_px : (..., 2) px
        depth_mm : (...) z along the optical axis, mm

        Returns
        -------
        (..., 3) mm
        """
        return self.rays(points_px) * np.asarray(depth_mm, dtype=np.float64)[..., None]

    def undistort_points(self, points_px: np.ndarray) -> np.ndarray:
        """Where pixels would lie without the lens: (..., 2) px of the ideal pinhole with this K."""
        return self.rays(points_px)[..., :2] * self.K[[0, 1], [0, 1]] + self.K[:2, 2]

    def cropped(self, x0_px: float, y0_px: float, width_px: int, height_px: int) -> Camera:
        """Camera of the window whose upper left pixel is (x0, y0)."""
        K = self.K.copy()
        K[:2, 2] -= (x0_px, y0_px)
        return replace(self, K=K, size_wh_px=(width_px, height_px))

    def region_of_interest(
        self, x_offset_px: int, y_offset_px: int, width_px: int, height_px: int
    ) -> Camera:
        """Camera of a CameraInfo's ROI; width and height of 0 mean the full image."""
        if width_px == 0 and height_px == 0:
            return self
        return self.cropped(x_offset_px, y_offset_px, width_px, height_px)

    def resized(self, size_wh_px: tuple[int, int]) -> Camera:
        """Camera of the image resized to (w, h), outer borders kept: u' = (u + 0.5) s - 0.5."""
        width, height = _checked_size(size_wh_px)
        scale = (width / self.size_wh_px[0], height / self.size_wh_px[1])
        return self._scaled(scale, (width, height))

    def binned(self, binning_x: int, binning_y: int) -> Camera:
        """Camera of the image whose pixels are averages of binning_x by binning_y ones.

        A binning of 0 means 1, as in CameraInfo. Odd remainders are cut off at the right and the
        bottom, as sensors do.
        """
        if binning_x < 0 or binning_y < 0:
            raise ValueError(f"binning is {binning_x} x {binning_y}, expected 0 or more")
        bx, by = max(1, int(binning_x)), max(1, int(binning_y))
        size = (self.size_wh_px[0] // bx, self.size_wh_px[1] // by)
        return self._scaled((1.0 / bx, 1.0 / by), size)

    def _scaled(self, scale: tuple[float, float], size_wh_px: tuple[int, int]) -> Camera:
        K = self.K.copy()
        for axis, s in enumerate(scale):
            K[axis, axis] *= s
            K[axis, 2] = (K[axis, 2] + 0.5) * s - 0.5
        return replace(self, K=K, size_wh_px=size_wh_px)


def check_image_size(image: np.ndarray, camera: Camera) -> None:
    """Raise a ValueError naming both sizes unless the image is the camera's."""
    height, width = image.shape[:2]
    if (width, height) != camera.size_wh_px:
        expected = "{} x {}".format(*camera.size_wh_px)
        raise ValueError(f"image is {width} x {height} px, its camera says {expected} px")


def crop_image(
    image: np.ndarray, camera: Camera, x0_px: int, y0_px: int, width_px: int, height_px: int
) -> tuple[np.ndarray, Camera]:
    """A window of an image (a view) and the camera that goes with it.

    Raises
    ------
    ValueError : the window leaves the image, or the image is not of the camera's size
    """
    check_image_size(image, camera)
    height, width = image.shape[:2]
    inside = 0 <= x0_px < x0_px + width_px <= width and 0 <= y0_px < y0_px + height_px <= height
    if not inside:
        raise ValueError(
            f"window x {x0_px}..{x0_px + width_px}, y {y0_px}..{y0_px + height_px}, "
            f"expected inside 0..{width}, 0..{height}"
        )
    window = image[y0_px : y0_px + height_px, x0_px : x0_px + width_px]
    return window, camera.cropped(x0_px, y0_px, width_px, height_px)


def resize_image(
    image: np.ndarray, camera: Camera, size_wh_px: tuple[int, int]
) -> tuple[np.ndarray, Camera]:
    """A resized image, antialiased when it shrinks, and the camera that goes with it."""
    check_image_size(image, camera)
    size = _checked_size(size_wh_px)
    shrinks = size[0] < camera.size_wh_px[0] or size[1] < camera.size_wh_px[1]
    resized = cv2.resize(
        image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return resized, camera.resized(size)


def _checked_matrix(K: np.ndarray) -> np.ndarray:
    K = np.array(K, dtype=np.float64)
    if K.shape != (3, 3):
        raise ValueError(f"K has shape {K.shape}, expected (3, 3)")
    if not np.isfinite(K).all():
        raise ValueError(f"K has non-finite values: {K.ravel().tolist()}")
    if K[0, 0] <= 0.0 or K[1, 1] <= 0.0:
        raise ValueError(
            f"K has fx = {K[0, 0]:g}, fy = {K[1, 1]:g} px, expected above 0 (is it calibrated?)"
        )
    if np.abs(K).max() > _LONGEST_PX or min(K[0, 0], K[1, 1]) < 1.0 / _LONGEST_PX:
        raise ValueError(f"K is {K.ravel().tolist()}, expected lengths of 1e-7 to 1e7 px")
    if K[0, 1] != 0.0 or K[1, 0] != 0.0 or not np.array_equal(K[2], (0.0, 0.0, 1.0)):
        raise ValueError(f"K is {K.ravel().tolist()}, expected [fx, 0, cx, 0, fy, cy, 0, 0, 1]")
    return K


def _checked_size(size_wh_px: tuple[int, int]) -> tuple[int, int]:
    width, height = size_wh_px
    if int(width) != width or int(height) != height or width < 1 or height < 1:
        raise ValueError(f"image size is {width} x {height} px, expected at least 1 x 1")
    return int(width), int(height)


def _checked_distortion(model: str, coefficients: Sequence[float]) -> tuple[str, tuple[float, ...]]:
    if model not in COEFFICIENT_COUNTS:
        known = ", ".join(COEFFICIENT_COUNTS)
        raise ValueError(f"distortion model {model!r}, expected one of {known}")
    values = tuple(float(value) for value in coefficients)
    if not np.isfinite(values).all():
        raise ValueError(f"distortion has non-finite coefficients: {list(values)}")
    counts = COEFFICIENT_COUNTS[model]
    if len(values) not in counts:
        expected = " or ".join(str(count) for count in counts)
        raise ValueError(f"{model} has {len(values)} coefficients, expected {expected}")
    return model, values
