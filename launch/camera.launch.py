"""A real camera with detector and hdnet_node: usb_cam or realsense2_camera.

    ros2 launch hdnet_ros camera.launch.py driver:=usb_cam video_device:=/dev/video0 \
        camera_info_url:=file:///path/camera.yaml
    ros2 launch hdnet_ros camera.launch.py driver:=realsense2_camera
The driver is a package of its own: apt install ros-<distro>-usb-cam or
ros-<distro>-realsense2-camera. The other arguments are those of hdnet.launch.py.
"""

import os

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    IncludeLaunchDescription,
    OpaqueFunction,
    SetLaunchConfiguration,
)
from launch.conditions import IfCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

SHARE = get_package_share_directory("hdnet_ros")


def arguments():
    """Return the declared arguments with what each is for."""
    return [
        DeclareLaunchArgument(
            "driver",
            default_value="usb_cam",
            choices=["usb_cam", "realsense2_camera"],
            description="package of the camera driver",
        ),
        DeclareLaunchArgument(
            "namespace", default_value="camera", description="namespace of camera and nodes"
        ),
        DeclareLaunchArgument(
            "video_device", default_value="/dev/video0", description="device file, usb_cam only"
        ),
        DeclareLaunchArgument(
            "camera_info_url",
            default_value="",
            description="file:// URL of the calibration, usb_cam only; without one the camera "
            "info is empty and hdnet_node says so",
        ),
        DeclareLaunchArgument(
            "frame_id",
            default_value="camera_optical_frame",
            description="optical frame of the images, usb_cam only",
        ),
        DeclareLaunchArgument("rviz", default_value="false", description="start RViz"),
    ]


def usb_cam(namespace):
    """Return usb_cam's node; it publishes <namespace>/image_raw and camera_info."""
    names = ("video_device", "camera_info_url", "frame_id")
    return Node(
        package="usb_cam",
        executable="usb_cam_node_exe",
        name="usb_cam",
        namespace=namespace,
        parameters=[{name: LaunchConfiguration(name) for name in names}],
        output="screen",
    )


def realsense(namespace):
    """Return the RealSense node, color only; it publishes <namespace>/color/image_raw."""
    return Node(
        package="realsense2_camera",
        executable="realsense2_camera_node",
        # Its topics are ~/color/..., so the node carries the namespace's name.
        name=namespace,
        parameters=[{"enable_color": True, "enable_depth": False}],
        output="screen",
    )


def topics(context):
    """Return what tells hdnet.launch.py the topics of the driver."""
    base = f"/{LaunchConfiguration('namespace').perform(context)}"
    if LaunchConfiguration("driver").perform(context) != "usb_cam":
        base += "/color"
    return [
        SetLaunchConfiguration("image", f"{base}/image_raw"),
        SetLaunchConfiguration("camera_info", f"{base}/camera_info"),
    ]


def driver_and_rviz(context):
    """Return the camera driver, and RViz with its topics and its optical frame."""
    namespace = LaunchConfiguration("namespace").perform(context)
    if LaunchConfiguration("driver").perform(context) == "usb_cam":
        return [usb_cam(namespace), rviz(namespace, LaunchConfiguration("frame_id"))]
    return [realsense(namespace), rviz(namespace, f"{namespace}_color_optical_frame")]


def rviz(namespace, frame):
    """Return RViz with the topics of namespace and driver, and the driver's optical frame."""
    return Node(
        package="rviz2",
        executable="rviz2",
        name="rviz2",
        arguments=["-d", os.path.join(SHARE, "config", "hdnet.rviz"), "-f", frame],
        remappings=[
            (f"/hdnet_node/{topic}", f"/{namespace}/hdnet_node/{topic}")
            for topic in ("markers", "overlay")
        ]
        + [(f"/{topic}", LaunchConfiguration(topic)) for topic in ("image", "camera_info")],
        condition=IfCondition(LaunchConfiguration("rviz")),
    )


def generate_launch_description():
    """Return the launch description."""
    hdnet = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(os.path.join(SHARE, "launch", "hdnet.launch.py"))
    )
    # Included before the driver: it sets the DDS profile, which the driver's images need as well.
    return LaunchDescription(
        [
            *arguments(),
            OpaqueFunction(function=topics),
            hdnet,
            OpaqueFunction(function=driver_and_rviz),
        ]
    )
