"""What one image becomes on its way: a shot, located people, a scene; no ROS, no messages."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.types import Detection, PersonEstimate
from hdnet_ros.pipeline.bad_input import BadInput
from hdnet_ros.pipeline.floor import Floor
from hdnet_ros.tracking.track import TrackedPerson, TrackState


@dataclass(frozen=True, eq=False)
class Shot:
    """An image that the estimator can take.

    Attributes
    ----------
    stamp_ns : of its header, as it came
    frame_id : optical frame of the camera; empty: not known
    image_rgb : (H, W, 3) uint8, or None where there are no pixels (people located before)
    detections : boxes in px of the image
    camera : of the image's size
    remarks : what was odd or left out
    """

    stamp_ns: int
    frame_id: str
    image_rgb: np.ndarray | None
    detections: list[Detection]
    camera: Camera
    remarks: list[BadInput] = field(default_factory=list)

    @property
    def time_ns(self) -> int:
        """When it was taken; 0: not known, for a stamp of zero or below tells no time."""
        return max(self.stamp_ns, 0)


@dataclass(frozen=True, eq=False)
class LocatedShot:
    """People of one image in the camera's frame, not yet tracked.

    Attributes
    ----------
    people : in the order of their boxes
    rejected : (index of the detection, reason) of each box that was left out
    inference_ms : of the batch that the image was in
    """

    shot: Shot
    people: list[PersonEstimate]
    rejected: list[tuple[int, str]]
    inference_ms: float

    @property
    def remarks(self) -> list[BadInput]:
        """Those of the shot, and what the estimator left out."""
        if not self.rejected:
            return self.shot.remarks
        told = [f"number {index}: {reason}" for index, reason in self.rejected]
        return [*self.shot.remarks, left_out(told, len(self.shot.detections))]


@dataclass(frozen=True, eq=False)
class Scene:
    """All that is known about one image: who is in it, and who is followed.

    Attributes
    ----------
    located : the image and what the estimator said
    camera_name : of several cameras; empty where there is one
    people : everybody in the image, camera's frame, with ids and velocities
    frame : of the tracks: the tracking frame, or the camera's own
    tracks : everybody who is followed, seen in this image or not
    is_followed : False where people could not be tracked in this image (no stamp, no TF)
    camera_to_frame_mm : (4, 4) pose of the camera in `frame`; None: `frame` is the camera's, or not
        known at the stamp
    floor : in `frame`; None: not known, or nobody wants it
    """

    located: LocatedShot
    camera_name: str
    people: list[TrackedPerson]
    frame: str
    tracks: list[TrackState]
    is_followed: bool
    camera_to_frame_mm: np.ndarray | None = None
    floor: Floor | None = None

    @property
    def shot(self) -> Shot:
        """The image that the scene is of."""
        return self.located.shot

    @property
    def remarks(self) -> list[BadInput]:
        """What was odd or left out."""
        return self.located.remarks


def left_out(rejected: list[str], total: int) -> BadInput:
    """Return the remark on boxes that were left out, of `total`."""
    shown = "; ".join(rejected[:3]) + ("; ..." if len(rejected) > 3 else "")
    return BadInput("detections", f"{total} boxes, remarks on {len(rejected)}: {shown}")
