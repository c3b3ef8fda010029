"""tf_transformations against values that can be written down."""
import numpy as np
import pytest

tf = pytest.importorskip('tf_transformations', reason='needs ROS 2 or the built underlay: ./run test builds it')

HALF = np.sqrt(0.5)


def test_quaternion_from_euler_is_x_y_z_w():
    assert tf.quaternion_from_euler(0.0, 0.0, np.pi / 2) == pytest.approx((0.0, 0.0, HALF, HALF))
    assert tf.quaternion_from_euler(np.pi / 2, 0.0, 0.0) == pytest.approx((HALF, 0.0, 0.0, HALF))


@pytest.mark.parametrize('axes', ['sxyz', 'rzyx', 'szyx'])
def test_euler_angles_return(axes):
    angles = (0.1, -0.4, 0.7)
    assert tf.euler_from_quaternion(tf.quaternion_from_euler(*angles, axes), axes) == pytest.approx(angles)


def test_fixed_axes_turn_x_first():
    matrix = tf.euler_matrix(np.pi / 2, 0.0, np.pi / 2)
    assert matrix[:3, :3] @ [0.0, 1.0, 0.0] == pytest.approx([0.0, 0.0, 1.0])
    assert matrix[:3, :3] @ [0.0, 0.0, 1.0] == pytest.approx([1.0, 0.0, 0.0])


def test_quaternion_matrix_and_back():
    quaternion = tf.quaternion_about_axis(0.8, (1.0, 2.0, -0.5))
    assert tf.quaternion_from_matrix(tf.quaternion_matrix(quaternion)) == pytest.approx(quaternion)


def test_quaternion_multiply_applies_the_second_first():
    about_x, about_z = tf.quaternion_about_axis(0.3, (1, 0, 0)), tf.quaternion_about_axis(0.9, (0, 0, 1))
    assert tf.quaternion_matrix(tf.quaternion_multiply(about_z, about_x)) == pytest.approx(
        tf.quaternion_matrix(about_z) @ tf.quaternion_matrix(about_x))


def test_quaternion_inverse_undoes():
    quaternion = tf.quaternion_from_euler(0.2, 0.3, 0.4)
    assert tf.quaternion_multiply(quaternion, tf.quaternion_inverse(quaternion)) == pytest.approx((0, 0, 0, 1))
    assert tuple(tf.quaternion_conjugate((1.0, 2.0, 3.0, 4.0))) == (-1.0, -2.0, -3.0, 4.0)


def test_slerp_halves_the_angle():
    start, end = (0.0, 0.0, 0.0, 1.0), tf.quaternion_about_axis(1.0, (0, 0, 1))
    assert tf.quaternion_slerp(start, end, 0.5) == pytest.approx(tf.quaternion_about_axis(0.5, (0, 0, 1)))
    assert tf.quaternion_slerp(start, end, 0.0) == pytest.approx(start)
    assert tf.quaternion_slerp(start, end, 1.0) == pytest.approx(end)


def test_slerp_takes_the_short_way_between_opposite_signs():
    start, end = (0.0, 0.0, 0.0, 1.0), -np.array(tf.quaternion_about_axis(1.0, (0, 0, 1)))
    middle = tf.quaternion_slerp(start, end, 0.5)
    assert tf.quaternion_matrix(middle) == pytest.approx(tf.quaternion_matrix(tf.quaternion_about_axis(0.5, (0, 0, 1))))


def test_translation_rotation_and_concatenation():
    moved = tf.concatenate_matrices(tf.translation_matrix((1, 2, 3)), tf.rotation_matrix(np.pi / 2, (0, 0, 1)))
    assert moved @ [1, 0, 0, 1] == pytest.approx([1, 3, 3, 1])
    assert tf.translation_from_matrix(moved) == pytest.approx([1, 2, 3])
    assert tf.concatenate_matrices(moved, tf.inverse_matrix(moved)) == pytest.approx(np.eye(4))
    assert tf.is_same_transform(moved, moved.copy())


def test_compose_and_decompose():
    matrix = tf.compose_matrix(scale=(1, 2, 3), angles=(0.1, 0.2, 0.3), translate=(4, 5, 6))
    scale, shear, angles, translation, _ = tf.decompose_matrix(matrix)
    assert scale == pytest.approx([1, 2, 3]) and shear == pytest.approx([0, 0, 0])
    assert angles == pytest.approx((0.1, 0.2, 0.3)) and translation == pytest.approx([4, 5, 6])


def test_rotation_from_matrix_returns_angle_and_axis():
    angle, direction, _ = tf.rotation_from_matrix(tf.rotation_matrix(0.6, (0, 1, 0)))
    assert (angle * np.asarray(direction)) == pytest.approx([0, 0.6, 0])


def test_quaternion_fits_a_message():
    from geometry_msgs.msg import Quaternion
    message = Quaternion(**dict(zip('xyzw', tf.quaternion_from_euler(0.0, 0.0, np.pi))))
    assert (message.z, message.w) == pytest.approx((1.0, 0.0))
