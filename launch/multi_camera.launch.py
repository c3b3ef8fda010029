"""Several cameras, one hdnet_node, one copy of the weights: `ros2 launch hdnet_ros multi_camera.launch.py`.

    ros2 launch hdnet_ros multi_camera.launch.py cameras:="front rear" image:=image_raw
Every camera publishes <camera>/image_raw and <camera>/camera_info. Where TF gives the cameras' poses in
the tracking frame, somebody whom several of them see is one person. The other arguments are those of
hdnet.launch.py.
"""

import os

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

SHARE = get_package_share_directory("hdnet_ros")


def generate_launch_description():
    """Return the launch description."""
    cameras = DeclareLaunchArgument(
        "cameras",
        default_value="front rear",
        description="namespaces of the cameras, separated by spaces",
    )
    hdnet = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(os.path.join(SHARE, "launch", "hdnet.launch.py"))
    )
    return LaunchDescription([cameras, hdnet])
