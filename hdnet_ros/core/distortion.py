"""Lens distortion on normalised image coordinates (x/z, y/z), and its inverse.

plumb_bob and rational_polynomial are OpenCV's k1 k2 p1 p2 k3 k4 k5 k6 s1 s2 s3 s4 tx ty, as many as
given; equidistant is OpenCV's fisheye k1 k2 k3 k4. All functions keep the dtype they are given.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

COEFFICIENT_COUNTS = {
    "none": (0,),
    "plumb_bob": (4, 5),
    "rational_polynomial": (8, 12, 14),
    "equidistant": (4,),
}

_NEWTON_STEPS = 40
_CONVERGED = 1e-12


def is_identity(model: str, coefficients: tuple[float, ...]) -> bool:
    """Whether the lens is an ideal pinhole; equidistant never is."""
    return model == "none" or (model != "equidistant" and not any(coefficients))


def distort(model: str, coefficients: tuple[float, ...], x, y):
    """Distorted normalised coordinates of ideal ones.

    Points beyond `valid_radius` are mapped by the polynomial as it is, which folds back there:
    callers mask them.
    """
    if is_identity(model, coefficients):
        return x, y
    if model == "equidistant":
        radius = np.sqrt(x * x + y * y)
        angle = np.arctan(radius)
        scale = _equidistant_angle(coefficients, angle) / np.where(radius < 1e-9, 1.0, radius)
        scale = np.where(radius < 1e-9, radius.dtype.type(1.0), scale)
        return x * scale, y * scale
    xd, yd = _brown(_padded(coefficients), x, y)
    return _tilt(_padded(coefficients), xd, yd)


def undistort(model: str, coefficients: tuple[float, ...], xd, yd):
    """Ideal normalised coordinates of distorted ones, in float64 to about 1e-12.

    NaN where no ideal point inside the lens's valid field maps there.
    """
    xd, yd = np.asarray(xd, dtype=np.float64), np.asarray(yd, dtype=np.float64)
    if is_identity(model, coefficients):
        return xd.copy(), yd.copy()
    with np.errstate(all="ignore"):
        if model == "equidistant":
            return _undistort_equidistant(coefficients, xd, yd)
        k = _padded(coefficients)
        xd, yd = _untilt(k, xd, yd)
        return _undistort_brown(k, valid_radius(model, tuple(coefficients)), xd, yd)


@lru_cache(maxsize=64)
def valid_radius(model: str, coefficients: tuple[float, ...]) -> float:
    """Largest ideal radius up to which the distorted radius still grows; inf where it always does.

    Beyond it the polynomial folds back into the picture, and one pixel would have two rays.
    """
    if is_identity(model, coefficients):
        return np.inf
    if model == "equidistant":
        k1, k2, k3, k4 = coefficients
        slope = np.polynomial.Polynomial([1.0, 3.0 * k1, 5.0 * k2, 7.0 * k3, 9.0 * k4])
        angle = np.sqrt(_smallest_positive_root(slope))
        return float(np.tan(angle)) if angle < np.pi / 2 else np.inf
    k = _padded(coefficients)
    squared = np.polynomial.Polynomial([0.0, 1.0])
    numerator = np.polynomial.Polynomial([1.0, k[0], k[1], k[4]])
    denominator = np.polynomial.Polynomial([1.0, k[5], k[6], k[7]])
    slope = (numerator + 2.0 * squared * numerator.deriv()) * denominator
    slope = slope - 2.0 * squared * numerator * denominator.deriv()
    return float(
        np.sqrt(min(_smallest_positive_root(slope), _smallest_positive_root(denominator)))
    )


def _smallest_positive_root(polynomial: np.polynomial.Polynomial) -> float:
    roots = polynomial.trim().roots()
    real = roots.real[(np.abs(roots.imag) < 1e-9) & (roots.real > 0.0)]
    return float(real.min()) if real.size else np.inf


def _padded(coefficients: tuple[float, ...]) -> list[float]:
    return list(coefficients) + [0.0] * (14 - len(coefficients))


def _brown(k: list[float], x, y):
    r2 = x * x + y * y
    radial = 1.0 + r2 * (k[0] + r2 * (k[1] + r2 * k[4]))
    if any(k[5:8]):
        radial = radial / (1.0 + r2 * (k[5] + r2 * (k[6] + r2 * k[7])))
    xd, yd = x * radial, y * radial
    if k[2] or k[3]:
        xy2 = 2.0 * x * y
        xd = xd + k[2] * xy2 + k[3] * (r2 + 2.0 * x * x)
        yd = yd + k[2] * (r2 + 2.0 * y * y) + k[3] * xy2
    if any(k[8:12]):
        xd = xd + r2 * (k[8] + r2 * k[9])
        yd = yd + r2 * (k[10] + r2 * k[11])
    return xd, yd


def _brown_jacobian(k: list[float], x, y):
    r2 = x * x + y * y
    numerator = 1.0 + r2 * (k[0] + r2 * (k[1] + r2 * k[4]))
    denominator = 1.0 + r2 * (k[5] + r2 * (k[6] + r2 * k[7]))
    d_numerator = k[0] + r2 * (2.0 * k[1] + r2 * 3.0 * k[4])
    d_denominator = k[5] + r2 * (2.0 * k[6] + r2 * 3.0 * k[7])
    radial = numerator / denominator
    d_radial = (d_numerator - radial * d_denominator) / denominator
    prism_x = 2.0 * (k[8] + 2.0 * k[9] * r2)
    prism_y = 2.0 * (k[10] + 2.0 * k[11] * r2)
    cross = 2.0 * x * y * d_radial + 2.0 * k[2] * x + 2.0 * k[3] * y
    xx = radial + 2.0 * x * x * d_radial + 2.0 * k[2] * y + 6.0 * k[3] * x + x * prism_x
    yy = radial + 2.0 * y * y * d_radial + 6.0 * k[2] * y + 2.0 * k[3] * x + y * prism_y
    return xx, cross + y * prism_x, cross + x * prism_y, yy


def _undistort_brown(k: list[float], radius_limit: float, xd, yd):
    x, y = xd.copy(), yd.copy()
    for _ in range(_NEWTON_STEPS):
        # A step past the fold would converge to the wrong branch.
        shrink = np.minimum(1.0, 0.9999 * radius_limit / np.maximum(np.hypot(x, y), 1e-300))
        x, y = x * shrink, y * shrink
        px, py = _brown(k, x, y)
        ex, ey = px - xd, py - yd
        xx, xy, yx, yy = _brown_jacobian(k, x, y)
        determinant = xx * yy - xy * yx
        step_x, step_y = (yy * ex - xy * ey) / determinant, (xx * ey - yx * ex) / determinant
        x, y = x - step_x, y - step_y
        if not np.any(np.hypot(step_x, step_y) > _CONVERGED):
            break
    px, py = _brown(k, x, y)
    good = (np.hypot(px - xd, py - yd) < 1e-9) & (np.hypot(x, y) <= radius_limit)
    return np.where(good, x, np.nan), np.where(good, y, np.nan)


def _equidistant_angle(coefficients: tuple[float, ...], angle):
    k1, k2, k3, k4 = coefficients
    a2 = angle * angle
    return angle * (1.0 + a2 * (k1 + a2 * (k2 + a2 * (k3 + a2 * k4))))


def _undistort_equidistant(coefficients: tuple[float, ...], xd, yd):
    k1, k2, k3, k4 = coefficients
    distorted = np.hypot(xd, yd)
    limit = np.arctan(valid_radius("equidistant", tuple(coefficients)))
    angle = np.minimum(distorted, 0.9999 * limit)
    for _ in range(_NEWTON_STEPS):
        a2 = angle * angle
        slope = 1.0 + a2 * (3.0 * k1 + a2 * (5.0 * k2 + a2 * (7.0 * k3 + a2 * 9.0 * k4)))
        step = (_equidistant_angle(coefficients, angle) - distorted) / slope
        angle = np.clip(angle - step, 0.0, limit)
        if not np.any(np.abs(step) > _CONVERGED):
            break
    error = np.abs(_equidistant_angle(coefficients, angle) - distorted)
    good = (error < 1e-9) & (angle < np.pi / 2 - 1e-6)
    scale = np.where(distorted < 1e-12, 1.0, np.tan(angle) / np.maximum(distorted, 1e-300))
    scale = np.where(good, scale, np.nan)
    return xd * scale, yd * scale


@lru_cache(maxsize=64)
def _tilt_matrix(tilt_x: float, tilt_y: float) -> np.ndarray:
    cos_x, sin_x, cos_y, sin_y = np.cos(tilt_x), np.sin(tilt_x), np.cos(tilt_y), np.sin(tilt_y)
    about_x = np.array([[1, 0, 0], [0, cos_x, sin_x], [0, -sin_x, cos_x]])
    about_y = np.array([[cos_y, 0, -sin_y], [0, 1, 0], [sin_y, 0, cos_y]])
    rotation = about_y @ about_x
    onto_plane = np.array(
        [[rotation[2, 2], 0, -rotation[0, 2]], [0, rotation[2, 2], -rotation[1, 2]], [0, 0, 1]]
    )
    return onto_plane @ rotation


def _tilt(k: list[float], x, y):
    return _homography(_tilt_matrix(k[12], k[13]), x, y) if any(k[12:14]) else (x, y)


def _untilt(k: list[float], x, y):
    if not any(k[12:14]):
        return x, y
    return _homography(np.linalg.inv(_tilt_matrix(k[12], k[13])), x, y)


def _homography(h: np.ndarray, x, y):
    a, b, c, d, e, f, g, i, j = (float(value) for value in h.ravel())
    w = g * x + i * y + j
    return (a * x + b * y + c) / w, (d * x + e * y + f) / w
