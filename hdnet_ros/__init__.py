"""HDNet (Lin and Lee, ECCV 2020) as a ROS 2 package: people in metres from one calibrated camera."""

__version__ = "0.1.0"
