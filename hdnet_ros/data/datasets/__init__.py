"""Readers of data sets in the files that people have; all give the same lazily read pictures."""

from __future__ import annotations

from pathlib import Path

from hdnet_ros.data.datasets.coco_folder import coco_folder
from hdnet_ros.data.datasets.human36m import human36m
from hdnet_ros.data.datasets.muco import muco
from hdnet_ros.data.datasets.mupots import mupots
from hdnet_ros.data.datasets.pictures import PictureSet

DATASETS = ("human36m", "muco", "mupots", "coco")


def open_dataset(
    kind: str,
    root: str | Path,
    *,
    every: int = 1,
    most: int | None = None,
    detected_boxes: bool = False,
    split: str = "test",
) -> PictureSet:
    """A data set by its name.

    Parameters
    ----------
    kind : one of `DATASETS`
    root : folder of its files; the reader of that name says how they lie
    every, most : take each n-th picture, and at most so many
    detected_boxes : MuPoTS-3D only: the boxes of RootNet's detector instead of the true ones
    split : Human3.6M only: "train" or "test"

    Raises
    ------
    FileNotFoundError, ValueError : an unknown name, or a file or key is missing; both are named
    """
    if detected_boxes and kind != "mupots":
        raise ValueError(f"detected boxes are read for mupots only, not for {kind}")
    if kind == "human36m":
        pictures = human36m(root, split)
    elif kind == "muco":
        pictures = muco(root)
    elif kind == "mupots":
        pictures = mupots(root, detected_boxes)
    elif kind == "coco":
        pictures = coco_folder(root)
    else:
        raise ValueError(f"data set is {kind!r}, expected one of {', '.join(DATASETS)}")
    return pictures[::every][:most]
