"""Where the bundled weights are, and what to say when there are none."""

import sys
from pathlib import Path

DEFAULT_WEIGHTS_NAME = "hdnet_lite.safetensors"
PACKAGE_NAME = "hdnet_ros"

NO_WEIGHTS_HELP = f"""\
HDNet needs trained weights, and none were found (no --weights, no weights/{DEFAULT_WEIGHTS_NAME}).
Where weights come from:
  hdnet train                                    trains on synthetic people, no data set needed
  hdnet import-checkpoint ckpt.pth.tar --out W   converts the authors' checkpoint
                                                 (linked from github.com/jiahaoLjh/HumanDepth)
  then pass --weights W
What works without them:
  --estimator box-height                         depth from the height of the box, a 1.70 m person
  --estimator box-area                           RootNet's prior, depth from the area of the box"""


def weights_folders(module_file: str | Path = __file__) -> list[Path]:
    """Return the folders where bundled weights may lie, nearest first.

    A checkout keeps them in weights/, an ament or pip installation in
    <prefix>/share/hdnet_ros/weights; both are found by looking upwards from this module, so
    that no ROS is needed to find them.
    """
    parents = Path(module_file).absolute().parents
    folders = [parents[2] / "weights"]
    # With --symlink-install the installed module is a link into the checkout.
    folders.append(Path(module_file).resolve().parents[2] / "weights")
    folders += [parent / "share" / PACKAGE_NAME / "weights" for parent in parents]
    folders.append(Path(sys.prefix) / "share" / PACKAGE_NAME / "weights")
    return list(dict.fromkeys(folders))


def find_default_weights(module_file: str | Path = __file__) -> Path | None:
    """Return the path of the bundled weights, or None where this copy has none."""
    for folder in weights_folders(module_file):
        if (folder / DEFAULT_WEIGHTS_NAME).is_file():
            return folder / DEFAULT_WEIGHTS_NAME
    return None
