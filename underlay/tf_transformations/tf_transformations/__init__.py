"""Rotations and 4 x 4 transforms over transforms3d, with the names of ROS 2's module tf_transformations.

Quaternions are (x, y, z, w), as in ROS; transforms3d has (w, x, y, z). Angles are in rad. Euler axes are
named as in transforms3d: 'sxyz' turns about the fixed x, then y, then z axis.
"""
import numpy as np
import transforms3d


def identity_matrix():
    """Return the (4, 4) identity."""
    return np.eye(4)


def translation_matrix(direction):
    """Return the (4, 4) matrix that moves by a vector (3,)."""
    return _affine(direction[:3], np.eye(3))


def translation_from_matrix(matrix):
    """Return the (3,) vector by which a (4, 4) matrix moves."""
    return np.array(matrix, dtype=float)[:3, 3]


def rotation_matrix(angle, direction, point=None):
    """Return the (4, 4) matrix that turns by an angle about a direction (3,) through a point (the origin)."""
    return transforms3d.axangles.axangle2aff(direction, angle, point=point)


def rotation_from_matrix(matrix):
    """Return (angle, direction (3,), point (4,)) of a (4, 4) rotation about any axis."""
    direction, angle, point = transforms3d.axangles.aff2axangle(matrix)
    return angle, direction, np.append(point, 1.0)


def euler_matrix(ai, aj, ak, axes='sxyz'):
    """Return the (4, 4) rotation of three Euler angles."""
    return _affine(np.zeros(3), transforms3d.euler.euler2mat(ai, aj, ak, axes=axes))


def euler_from_matrix(matrix, axes='sxyz'):
    """Return the three Euler angles of a (3, 3) or (4, 4) matrix."""
    return transforms3d.euler.mat2euler(matrix, axes=axes)


def euler_from_quaternion(quaternion, axes='sxyz'):
    """Return the three Euler angles of a quaternion (x, y, z, w)."""
    return euler_from_matrix(quaternion_matrix(quaternion), axes)


def quaternion_from_euler(ai, aj, ak, axes='sxyz'):
    """Return the quaternion (x, y, z, w) of three Euler angles."""
    return _xyzw(transforms3d.euler.euler2quat(ai, aj, ak, axes=axes))


def quaternion_about_axis(angle, axis):
    """Return the quaternion (x, y, z, w) that turns by an angle about an axis (3,)."""
    return _xyzw(transforms3d.quaternions.axangle2quat(axis, angle))


def quaternion_matrix(quaternion):
    """Return the (4, 4) rotation of a quaternion (x, y, z, w), which need not have length 1."""
    return _affine(np.zeros(3), transforms3d.quaternions.quat2mat(_wxyz(quaternion)))


def quaternion_from_matrix(matrix):
    """Return the quaternion (x, y, z, w) of a (4, 4) rotation."""
    return _xyzw(transforms3d.quaternions.mat2quat(np.asarray(matrix)[:3, :3]))


def quaternion_multiply(quaternion1, quaternion0):
    """Return the quaternion of quaternion0 followed by quaternion1."""
    return _xyzw(transforms3d.quaternions.qmult(_wxyz(quaternion1), _wxyz(quaternion0)))


def quaternion_conjugate(quaternion):
    """Return (-x, -y, -z, w)."""
    return np.array(_xyzw(transforms3d.quaternions.qconjugate(_wxyz(quaternion))))


def quaternion_inverse(quaternion):
    """Return the quaternion that undoes this one."""
    return np.array(_xyzw(transforms3d.quaternions.qinverse(_wxyz(quaternion))))


def quaternion_slerp(quat0, quat1, fraction, spin=0, shortestpath=True):
    """Return the quaternion a fraction 0..1 of the way from quat0 to quat1, with spin extra half turns."""
    start, end = unit_vector(quat0), unit_vector(quat1)
    if fraction in (0.0, 1.0):
        return end if fraction else start
    cosine = start @ end
    end_sign = -1.0 if shortestpath and cosine < 0.0 else 1.0
    angle = np.arccos(np.clip(end_sign * cosine, -1.0, 1.0)) + spin * np.pi
    if abs(np.sin(angle)) < 1e-9:
        return start
    weights = np.sin([(1.0 - fraction) * angle, fraction * angle]) / np.sin(angle)
    return weights[0] * start + weights[1] * end_sign * end


def random_quaternion(rand=None):
    """Return a quaternion drawn evenly from all rotations; rand: three numbers in [0, 1) to take instead."""
    r1, r2, r3 = np.random.random(3) if rand is None else rand
    a, b = 2.0 * np.pi * r2, 2.0 * np.pi * r3
    inner, outer = np.sqrt(1.0 - r1), np.sqrt(r1)
    return np.array([np.sin(a) * inner, np.cos(a) * inner, np.sin(b) * outer, np.cos(b) * outer])


def random_rotation_matrix(rand=None):
    """Return a (4, 4) rotation drawn evenly from all rotations."""
    return quaternion_matrix(random_quaternion(rand))


def compose_matrix(scale=None, shear=None, angles=None, translate=None, perspective=None):
    """Return the (4, 4) matrix that scales, shears, turns by 'sxyz' angles, moves and projects, in this order."""
    matrix = transforms3d.affines.compose(
        np.zeros(3) if translate is None else np.asarray(translate, dtype=float)[:3],
        np.eye(3) if angles is None else transforms3d.euler.euler2mat(*angles, axes='sxyz'),
        np.ones(3) if scale is None else scale,
        np.zeros(3) if shear is None else shear)
    if perspective is not None:
        projection = np.eye(4)
        projection[3, :] = np.asarray(perspective, dtype=float)[:4]
        matrix = projection @ matrix
    return matrix


def decompose_matrix(matrix):
    """Return (scale, shear, 'sxyz' angles, translation, None) of an affine (4, 4) matrix."""
    translation, rotation, scale, shear = transforms3d.affines.decompose44(matrix)
    return scale, shear, transforms3d.euler.mat2euler(rotation, axes='sxyz'), translation, None


def concatenate_matrices(*matrices):
    """Return the product of the matrices, the last one being applied first."""
    product = np.eye(4)
    for matrix in matrices:
        product = product @ np.asarray(matrix, dtype=float)
    return product


def inverse_matrix(matrix):
    """Return the matrix that undoes this one."""
    return np.linalg.inv(matrix)


def is_same_transform(matrix0, matrix1):
    """Tell whether two (4, 4) matrices are equal, a common factor apart."""
    first, second = np.asarray(matrix0, dtype=float), np.asarray(matrix1, dtype=float)
    return np.allclose(first / first[3, 3], second / second[3, 3])


def vector_norm(data, axis=None):
    """Return the Euclidean length along an axis, of everything when None."""
    return np.sqrt(np.sum(np.square(np.asarray(data, dtype=float)), axis=axis))


def unit_vector(data, axis=None):
    """Return the data divided by their length along an axis."""
    data = np.array(data, dtype=float)
    length = vector_norm(data, axis)
    return data / (length if axis is None else np.expand_dims(length, axis))


def random_vector(size):
    """Return numbers drawn evenly from [0, 1)."""
    return np.random.random(size)


def _affine(translation, rotation):
    return transforms3d.affines.compose(translation, rotation, np.ones(3))


def _wxyz(quaternion):
    x, y, z, w = quaternion
    return np.array([w, x, y, z], dtype=float)


def _xyzw(quaternion):
    w, x, y, z = quaternion
    return x, y, z, w
