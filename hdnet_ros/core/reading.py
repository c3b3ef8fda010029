"""What a network says of one person, in the terms of its patch, and the absolute pose it gives."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.core.patch_camera import PatchCamera, source_to_patch_px
from hdnet_ros.core.skeleton import ROOT


class Reading(NamedTuple):
    """One person of a patch.

    Attributes
    ----------
    bin_index, spread_log : depth as a fractional bin index, and the std of the logarithm of depth
    joints_patch_px : (17, 2) px of the patch
    joint_confidence : (17,) 0..1
    pose_patch : (17, 3) joints of the 3D pose: x, y in px of the patch and mm along its axis behind
        the root; None without one. The x and y of a pose head of its own are not those of joints_patch_px: where
        it is unsure it gives the mean, which is nearer on average, and those the likeliest place. A refiner's are.
    existence_logit : of the probability that somebody is in the box; None where the network does not say
    child_logit : of the probability that the person is a child below 16 years; None where the network does not say
    """

    bin_index: float
    spread_log: float
    joints_patch_px: np.ndarray
    joint_confidence: np.ndarray
    pose_patch: np.ndarray | None
    existence_logit: float | None = None
    child_logit: float | None = None

    def with_joints(
        self, joints_px: np.ndarray, camera: Camera, patch_camera: PatchCamera
    ) -> Reading:
        """The reading with joints (17, 2) in px of the source in place of its own, where finite.

        Their confidence is 1.
        """
        given = source_to_patch_px(joints_px, camera, patch_camera)
        known = np.isfinite(given).all(axis=1)
        pose = self.pose_patch
        if pose is not None:
            xy = np.where(known[:, None], given, pose[:, :2])
            pose = np.concatenate([xy, pose[:, 2:]], axis=1)
        return self._replace(
            joints_patch_px=np.where(known[:, None], given, self.joints_patch_px),
            joint_confidence=np.where(known, 1.0, self.joint_confidence),
            pose_patch=pose,
        )

    def joints_camera_mm(
        self, patch_camera: PatchCamera, root_depth_mm: float
    ) -> np.ndarray | None:
        """Absolute pose (17, 3), each joint back-projected at the root's depth plus its own.

        Section 4.4; the pelvis is the root itself. None without a pose, or when it is not finite or
        would put a joint behind the patch's camera.

        Parameters
        ----------
        root_depth_mm : along the patch's axis
        """
        if self.pose_patch is None:
            return None
        xy = self.pose_patch[:, :2].copy()
        xy[ROOT] = self.joints_patch_px[ROOT]
        depths_mm = root_depth_mm + self.pose_patch[:, 2] - self.pose_patch[ROOT, 2]
        joints_mm = patch_camera.backproject(xy, depths_mm)
        return joints_mm if (depths_mm > 0.0).all() and np.isfinite(joints_mm).all() else None
