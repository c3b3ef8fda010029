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
    LogInfo,
    OpaqueFunction,
    SetLaunchConfiguration,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from hdnet_ros.ros import launch_arguments as given

SHARE = get_package_share_directory("hdnet_ros")
EXECUTABLES = {"usb_cam": "usb_cam_node_exe", "realsense2_camera": "realsense2_camera_node"}
# Of each driver, in the camera's namespace.
TOPICS = {
    "usb_cam": {"image": "image_raw", "camera_info": "camera_info"},
    "realsense2_camera": {"image": "color/image_raw", "camera_info": "color/camera_info"},
}


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
        DeclareLaunchArgument(
            "image",
            default_value="",
            description="topic of the images that people are found in; empty: the driver's; "
            "that of rectified ones, say, where something rectifies them",
        ),
        DeclareLaunchArgument(
            "camera_info", default_value="", description="topic of its camera info; empty: the driver's"
        ),
        DeclareLaunchArgument("rviz", default_value="false", description="start RViz"),
    ]


def usb_cam(namespace):
    """Return usb_cam's node; it publishes <namespace>/image_raw and camera_info."""
    names = ("video_device", "camera_info_url", "frame_id")
    return Node(
        package="usb_cam",
        executable=EXECUTABLES["usb_cam"],
        name="usb_cam",
        namespace=namespace,
        parameters=[{name: LaunchConfiguration(name) for name in names}],
        output="screen",
    )


def realsense(namespace):
    """Return the RealSense node, color only; it publishes <namespace>/color/image_raw."""
    # Its topics are ~/color/..., so the node carries the last part of the namespace as its name.
    outer, name = given.split_namespace(namespace)
    return Node(
        package="realsense2_camera",
        executable=EXECUTABLES["realsense2_camera"],
        name=name,
        namespace=outer,
        # Its frames begin with camera_name, "camera" unless said.
        parameters=[{"camera_name": name, "enable_color": True, "enable_depth": False}],
        output="screen",
    )


def checked(context):
    """Return what tells hdnet.launch.py the driver's topics; nothing is started where the driver is missing."""
    driver = LaunchConfiguration("driver").perform(context)
    missing = given.missing_executable(driver, EXECUTABLES[driver])
    if missing:
        raise RuntimeError(f"driver:={driver}: {missing}")
    if LaunchConfiguration("cameras", default="").perform(context):
        raise RuntimeError(
            "cameras: this file starts one camera; start the drivers, then multi_camera.launch.py"
        )
    if not camera_namespace(context):
        raise RuntimeError("namespace is empty, expected the name of the camera")
    return [
        SetLaunchConfiguration(name, topic)
        for name, topic in TOPICS[driver].items()
        if not LaunchConfiguration(name).perform(context)
    ]


def camera_namespace(context):
    """Return the namespace of camera and nodes."""
    return given.namespace("namespace", LaunchConfiguration("namespace").perform(context))


def driver_and_rviz(context):
    """Return the camera driver, and RViz with its topics and its optical frame."""
    namespace = camera_namespace(context)
    if LaunchConfiguration("driver").perform(context) == "usb_cam":
        return [usb_cam(namespace), *rviz(context, namespace, LaunchConfiguration("frame_id"))]
    frame = f"{given.split_namespace(namespace)[1]}_color_optical_frame"
    return [realsense(namespace), *rviz(context, namespace, frame)]


def rviz(context, namespace, frame):
    """Return RViz with the nodes' topics and the driver's optical frame, where it is wanted and installed."""
    if not given.flag("rviz", LaunchConfiguration("rviz").perform(context)):
        return []
    missing = given.missing_executable("rviz2", "rviz2")
    if missing:
        return [LogInfo(msg=f"going on without RViz: {missing}")]
    topics = {name: LaunchConfiguration(name).perform(context) for name in ("image", "camera_info")}
    topics |= {name: name for name in ("hdnet_node/markers", "hdnet_node/overlay")}
    node = Node(
        package="rviz2",
        executable="rviz2",
        name="rviz2",
        namespace=namespace,
        arguments=["-d", os.path.join(SHARE, "config", "hdnet.rviz"), "-f", frame],
        remappings=[(f"/{name}", topic) for name, topic in topics.items()],
    )
    return [node]


def generate_launch_description():
    """Return the launch description."""
    hdnet = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(os.path.join(SHARE, "launch", "hdnet.launch.py"))
    )
    # Included before the driver: it sets the DDS profile, which the driver's images need as well.
    return LaunchDescription(
        [
            *arguments(),
            OpaqueFunction(function=checked),
            hdnet,
            OpaqueFunction(function=driver_and_rviz),
        ]
    )
