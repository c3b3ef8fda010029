"""Draped cloth: it spans hollows, never goes inward, and bare skin stays."""

import numpy as np

from hdnet_ros.data.synthetic.drape import drape, neighbour_table


def ridged_strip(rows=40, columns=6):
    """A flat strip facing +x with a groove 0.1 deep across its middle."""
    row, column = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    x = -0.1 * np.exp(-(((row - rows / 2) / 3.0) ** 2))
    vertices = np.stack([x, 0.05 * column, 0.05 * row], -1).reshape(-1, 3).astype(np.float32)
    a = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    faces = np.concatenate([np.stack([a, a + 1, a + columns], 1), np.stack([a + 1, a + columns + 1, a + columns], 1)])
    normals = np.tile(np.array([1.0, 0.0, 0.0], np.float32), (len(vertices), 1))
    return vertices, normals, neighbour_table(faces, len(vertices))


def test_neighbours_are_those_that_share_an_edge():
    starts, indices = neighbour_table(np.array([[0, 1, 2], [2, 1, 3]]), 4)
    assert [indices[starts[i] : starts[i + 1]].tolist() for i in range(4)] == [[1, 2], [0, 2, 3], [0, 1, 3], [1, 2]]


def test_wide_cloth_spans_a_groove_and_moves_nowhere_inward():
    vertices, normals, table = ridged_strip()
    draped = drape(vertices, normals, np.ones(len(vertices), np.float32), *table, 40)
    moved = draped[:, 0] - vertices[:, 0]
    assert moved.min() >= 0.0
    assert moved[vertices[:, 0].argmin()] > 0.03
    np.testing.assert_array_equal(draped[:, 1:], vertices[:, 1:])


def test_bare_skin_stays():
    vertices, normals, table = ridged_strip()
    np.testing.assert_array_equal(drape(vertices, normals, np.zeros(len(vertices), np.float32), *table, 40), vertices)
