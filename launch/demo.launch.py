"""A video as a camera, with detector, hdnet_node and RViz.

    ros2 launch hdnet_ros demo.launch.py source:=clip.mp4 camera:=camera.yaml
The other arguments are those of hdnet.launch.py.
"""

import os

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.conditions import IfCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

SHARE = get_package_share_directory("hdnet_ros")


def arguments():
    """Return the declared arguments with what each is for."""
    return [
        DeclareLaunchArgument(
            "source", description="video file, folder of pictures, or /dev/video<N>"
        ),
        DeclareLaunchArgument(
            "camera",
            default_value=os.path.join(SHARE, "config", "cameras", "vtest.yaml"),
            description="camera file of the source; the default is that of vtest.avi",
        ),
        DeclareLaunchArgument(
            "rate_hz", default_value="0.0", description="images per second; 0: the source's own"
        ),
        DeclareLaunchArgument("loop", default_value="true", description="start over at the end"),
        DeclareLaunchArgument("rviz", default_value="true", description="start RViz"),
    ]


def video_and_rviz(context):
    """Return the video as a camera, and RViz, with the topics that hdnet.launch.py was given."""
    names = ("namespace", "image", "camera_info", "use_sim_time")
    value = {name: LaunchConfiguration(name).perform(context) for name in names}
    chosen = {
        "source": ParameterValue(LaunchConfiguration("source"), value_type=str),
        "camera": ParameterValue(LaunchConfiguration("camera"), value_type=str),
        "rate_hz": ParameterValue(LaunchConfiguration("rate_hz"), value_type=float),
        "loop": ParameterValue(LaunchConfiguration("loop"), value_type=bool),
        "use_sim_time": value["use_sim_time"].lower() in ("true", "1"),
        "wait_for_subscribers": 2,
    }
    video = Node(
        package="hdnet_ros",
        executable="video_node",
        name="video_node",
        namespace=value["namespace"],
        parameters=[LaunchConfiguration("params_file"), chosen],
        remappings=[(name, value[name]) for name in ("image", "camera_info")],
        output="screen",
    )
    shown = ("image", "camera_info", "hdnet_node/markers", "hdnet_node/overlay")
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        name="rviz2",
        arguments=["-d", os.path.join(SHARE, "config", "hdnet.rviz")],
        remappings=[
            (f"/{name}", absolute(value["namespace"], value.get(name, name))) for name in shown
        ],
        condition=IfCondition(LaunchConfiguration("rviz")),
    )
    return [video, rviz]


def absolute(namespace, name):
    """Return a topic's whole name: a relative one lies in the namespace."""
    parts = [name] if name.startswith("/") else [namespace.strip("/"), name]
    return "/" + "/".join(part.strip("/") for part in parts if part)


def generate_launch_description():
    """Return the launch description."""
    # Included first: it sets the DDS profile that the video node's images need as well.
    hdnet = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(os.path.join(SHARE, "launch", "hdnet.launch.py"))
    )
    return LaunchDescription([*arguments(), hdnet, OpaqueFunction(function=video_and_rviz)])
