"""Borrowed arrays: the same memory, and only where it lies in order."""

import numpy as np
import pytest

numba = pytest.importorskip("numba", reason="numba is not installed: no synthetic pictures")

from hdnet_ros.data.synthetic.borrowing import borrowed


@numba.njit
def double(array):
    view = borrowed(array)
    for i in range(view.shape[0]):
        for j in range(view.shape[1]):
            view[i, j] *= 2


def test_what_is_written_to_a_borrowed_array_is_in_the_array():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    double(array)
    np.testing.assert_array_equal(array, [[0, 2, 4], [6, 8, 10]])


def test_an_array_with_gaps_is_refused():
    with pytest.raises(ValueError, match="C-contiguous"):
        double(np.zeros((4, 6))[:, ::2])
