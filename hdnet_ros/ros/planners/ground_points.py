"""People as discs of points on the floor, ~/ground_points, for costmaps that know only point clouds."""

from __future__ import annotations

from array import array

import numpy as np
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

from hdnet_ros.pipeline.floor import Floor
from hdnet_ros.ros.planners.sink import OneTopic
from hdnet_ros.ros.planners.tracks import position_m

TOPIC = "~/ground_points"
# The usual cell of a costmap: no cell within a disc stays without a point.
SPACING_M = 0.05


class GroundPointsSink(OneTopic):
    """A disc of the parameter ground_points_radius_m below everybody who is followed.

    Nothing is published while TF does not give the floor in the frame of ~/tracks.
    """

    def __init__(self, node, logbook, options):
        self._options = options
        super().__init__(node, logbook, PointCloud2, TOPIC)

    def _message(self, told):
        if told.scene.floor is None:
            return None
        radius_m = self._options["ground_points_radius_m"]
        roots_m = [position_m(track) for track in told.tracks.tracks]
        points_m = [disc_points_m(told.scene.floor, root, radius_m) for root in roots_m]
        return cloud(told.tracks.header, np.concatenate([np.zeros((0, 3)), *points_m]))

    def _nobody(self, header):
        return cloud(header, np.zeros((0, 3)))


def disc_points_m(floor: Floor, root_m: np.ndarray, radius_m: float) -> np.ndarray:
    """Return points (N, 3) of the floor, 5 cm apart, within a radius of the foot of a root (3,)."""
    count = int(radius_m / SPACING_M + 1e-9)
    steps = np.arange(-count, count + 1) * SPACING_M
    grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    grid = grid[np.hypot(*grid.T) <= radius_m + 1e-9]
    # Any two axes of the floor will do; the one least along `up` gives a first.
    first = np.cross(floor.up, np.eye(3)[np.argmin(np.abs(floor.up))])
    first /= np.linalg.norm(first)
    return floor.below(root_m) + grid @ np.stack([first, np.cross(floor.up, first)])


def cloud(header: Header, points_m: np.ndarray) -> PointCloud2:
    """Return points (N, 3) as an unordered cloud of float32 x, y, z; N may be 0."""
    data = np.ascontiguousarray(points_m, dtype="<f4")
    fields = [
        PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1)
        for i, name in enumerate("xyz")
    ]
    msg = PointCloud2(header=header, height=1, width=len(data), fields=fields, is_dense=True)
    msg.point_step, msg.row_step = 12, data.nbytes
    # rclpy checks a list or bytes element by element, an array.array it takes as it is.
    msg.data = array("B", data.tobytes())
    return msg
