"""Blur of people who move while the shutter is open: the people's picture alone, over a sharp scene."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from hdnet_ros.data.synthetic.degrade import motion_kernel


def with_moving_people(rng: np.random.Generator, people, share: float):
    """The rendered people (labels.RenderedPeople), in a share of the draws smeared along one direction.

    What shows where nobody was gets the depth of who smears there, so that the scene's edges stay in front or behind.
    """
    rows = np.flatnonzero((people.instance >= 0).any(1))
    if rng.random() > share or not len(rows):
        return people
    length_px = float(rng.uniform(0.015, 0.07) * (rows[-1] - rows[0] + 1))
    if length_px < 1.5:
        return people
    kernel = motion_kernel(min(length_px, 31.0), rng.normal(0.0, 0.35))
    rgb, alpha = cv2.filter2D(people.rgb, -1, kernel), cv2.filter2D(people.alpha, -1, kernel)
    depth = cv2.erode(people.depth_m, (kernel > 0).astype(np.uint8))
    return dataclasses.replace(people, rgb=rgb, alpha=np.clip(alpha, 0.0, 1.0), depth_m=depth)
