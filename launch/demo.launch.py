"""A video as a camera, with detector, hdnet_node and RViz.

    ros2 launch hdnet_ros demo.launch.py source:=clip.mp4 camera:=camera.yaml
The other arguments are those of hdnet.launch.py.
"""

import os

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, LogInfo, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from hdnet_ros.ros import launch_arguments as given

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


def video(context):
    """Return the video as a camera, on the topics that hdnet.launch.py was given."""
    names = ("namespace", "image", "camera_info", "detector", "use_sim_time", "loop")
    value = {name: LaunchConfiguration(name).perform(context) for name in names}
    chosen = {
        "source": ParameterValue(LaunchConfiguration("source"), value_type=str),
        "camera": ParameterValue(LaunchConfiguration("camera"), value_type=str),
        "rate_hz": ParameterValue(LaunchConfiguration("rate_hz"), value_type=float),
        "loop": given.flag("loop", value["loop"]),
        "use_sim_time": given.flag("use_sim_time", value["use_sim_time"]),
        "wait_for_subscribers": 1 if value["detector"] in ("none", "inside") else 2,
    }
    node = Node(
        package="hdnet_ros",
        executable="video_node",
        name="video_node",
        namespace=given.namespace("namespace", value["namespace"]),
        parameters=[LaunchConfiguration("params_file"), chosen],
        remappings=[(name, given.camera_topic("", name, value[name])) for name in ("image", "camera_info")],
        output="screen",
    )
    return [node]


def rviz(context):
    """Return RViz with the topics of the nodes, or a line where it is not wanted or not installed."""
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
        # Relative names in the namespace of the nodes are the topics of the nodes.
        namespace=given.namespace("namespace", LaunchConfiguration("namespace").perform(context)),
        arguments=["-d", os.path.join(SHARE, "config", "hdnet.rviz")],
        remappings=[(f"/{name}", topic) for name, topic in topics.items()],
    )
    return [node]


def generate_launch_description():
    """Return the launch description."""
    # Included first: it sets the DDS profile that the video node's images need as well.
    hdnet = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(os.path.join(SHARE, "launch", "hdnet.launch.py"))
    )
    return LaunchDescription(
        [*arguments(), hdnet, OpaqueFunction(function=video), OpaqueFunction(function=rviz)]
    )
