import numpy as np
import pytest

from hdnet_ros.core.skeleton import JOINT_NAMES, LEFT_RIGHT_PAIRS, LINKS, adjacency


def test_links_make_one_tree_over_all_joints():
    assert len(JOINT_NAMES) == 17
    assert len(LINKS) == 16
    reach = np.linalg.matrix_power(adjacency(), 17)
    assert (reach > 0.0).all()


def test_adjacency_rows_sum_to_one_with_self_links():
    matrix = adjacency()
    assert matrix.sum(axis=1) == pytest.approx(np.ones(17), abs=1e-15)
    # The pelvis has itself, two hips and the spine; the head has itself and the nose.
    assert matrix[0, [0, 1, 4, 7]] == pytest.approx([0.25] * 4)
    assert matrix[10, [9, 10]] == pytest.approx([0.5, 0.5])
    assert ((matrix > 0) == (matrix > 0).T).all()


def test_left_right_pairs_name_the_same_joint():
    for left, right in LEFT_RIGHT_PAIRS:
        assert JOINT_NAMES[left] == JOINT_NAMES[right].replace("right", "left")


def test_adjacency_link_outside_joints_is_named():
    with pytest.raises(ValueError, match=r"link \(0, 5\) outside joints 0..2"):
        adjacency(3, [(0, 5)])
