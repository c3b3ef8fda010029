"""Drawing: the camera picture with people on it, and the bird's-eye view beside it."""

from hdnet_ros.viz.birds_eye import BirdsEyeView, level_rotation, ring_step_m
from hdnet_ros.viz.composite import Composite, FrameCaption
from hdnet_ros.viz.overlay import draw_overlay
from hdnet_ros.viz.tails import Tails

__all__ = ["BirdsEyeView", "Composite", "FrameCaption", "Tails", "draw_overlay", "level_rotation", "ring_step_m"]
