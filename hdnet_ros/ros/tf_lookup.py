"""TF for the worker thread: answers at once or not at all."""

import numpy as np
from rclpy.node import Node
from rclpy.time import Time
from scipy.spatial.transform import Rotation
from tf2_ros import Buffer, TransformException, TransformListener


class TfListener:
    """Listens to /tf and /tf_static; a TfLookup. Nothing here ever waits."""

    def __init__(self, node: Node):
        self._buffer = Buffer()
        self._listener = TransformListener(self._buffer, node)

    def __call__(self, stamp_ns: int, source_frame: str, target_frame: str) -> np.ndarray | None:
        try:
            found = self._buffer.lookup_transform(
                target_frame, source_frame, Time(nanoseconds=stamp_ns)
            )
        except TransformException:
            return None
        offset, turn = found.transform.translation, found.transform.rotation
        matrix = np.eye(4)
        quaternion = np.array([turn.x, turn.y, turn.z, turn.w])
        if not 0.0 < np.linalg.norm(quaternion) < np.inf:
            # No turn, no pose: NaN is told by name where it would be used.
            return np.full((4, 4), np.nan)
        matrix[:3, :3] = Rotation.from_quat(quaternion).as_matrix()
        matrix[:3, 3] = offset.x, offset.y, offset.z
        return matrix

    def clear(self) -> None:
        """Forget what was heard before the clock was set back."""
        self._buffer.clear()

    def close(self) -> None:
        """Stop listening."""
        self._listener.unregister()
