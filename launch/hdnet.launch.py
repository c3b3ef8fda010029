"""hdnet_node for one camera or several: `ros2 launch hdnet_ros hdnet.launch.py`.

One camera, its topics named:
    ros2 launch hdnet_ros hdnet.launch.py image:=/camera/image_raw camera_info:=/camera/camera_info
Several, each in its own namespace, with topics relative to it:
    ros2 launch hdnet_ros hdnet.launch.py cameras:="front rear" image:=image_raw
"""

import os

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

SHARE = get_package_share_directory("hdnet_ros")
DDS_PROFILE = os.path.join(SHARE, "config", "fastdds_large_images.xml")

ARGUMENT_NAMES = (
    "cameras",
    "namespace",
    "image",
    "camera_info",
    "detections",
    "detector",
    "params_file",
    "estimator",
    "weights",
    "device",
    "use_sim_time",
)


def arguments():
    """Return the declared arguments with what each is for."""
    return [
        DeclareLaunchArgument(
            "cameras",
            default_value="",
            description="namespaces of the cameras, separated by spaces; empty: one camera, no "
            "namespace of its own",
        ),
        DeclareLaunchArgument(
            "namespace", default_value="", description="namespace before everything else"
        ),
        DeclareLaunchArgument("image", default_value="image", description="topic of the images"),
        DeclareLaunchArgument(
            "camera_info", default_value="camera_info", description="topic of the camera info"
        ),
        DeclareLaunchArgument(
            "detections",
            default_value="detections",
            description="topic of the boxes (vision_msgs/Detection2DArray), published by the "
            "detector that this file starts or by another one",
        ),
        DeclareLaunchArgument(
            "detector",
            default_value="",
            description="detector to start: hog, maskrcnn, fast, empty: as in params_file, or "
            "none when something else publishes the boxes",
        ),
        DeclareLaunchArgument(
            "params_file",
            default_value=os.path.join(SHARE, "config", "hdnet.yaml"),
            description="parameters of the nodes",
        ),
        DeclareLaunchArgument(
            "estimator",
            default_value="",
            description="auto, hdnet, box-height or box-area; empty: as in params_file",
        ),
        DeclareLaunchArgument(
            "weights",
            default_value="",
            description="path of HDNet's weights; empty: as in params_file",
        ),
        DeclareLaunchArgument(
            "device",
            default_value="",
            description="auto, cpu, cuda or cuda:<N>; empty: as in params_file",
        ),
        DeclareLaunchArgument(
            "use_sim_time", default_value="false", description="take time from /clock"
        ),
    ]


def nodes(context):
    """Return the nodes of every camera."""
    value = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENT_NAMES}
    started = []
    for camera in value["cameras"].split() or [""]:
        namespace = "/".join(part for part in (value["namespace"], camera) if part)
        started.append(node("hdnet_node", namespace, value, hdnet_parameters(value, camera)))
        if value["detector"] != "none":
            chosen = given(value, ("detector", "device"))
            started.append(node("detector_node", namespace, value, chosen))
    return started


def node(executable, namespace, value, chosen):
    """Return one node of a camera; what was chosen by argument wins over the file."""
    sim_time = {"use_sim_time": value["use_sim_time"].lower() in ("true", "1")}
    return Node(
        package="hdnet_ros",
        executable=executable,
        name=executable,
        namespace=namespace,
        parameters=[value["params_file"], chosen, sim_time],
        remappings=[(name, value[name]) for name in ("image", "camera_info", "detections")],
        output="screen",
    )


def hdnet_parameters(value, camera):
    """Return what the arguments say; several cameras must not share the names of TF frames."""
    chosen = given(value, ("estimator", "weights", "device"))
    if camera:
        chosen["tf_prefix"] = f"body_{camera}_"
    return chosen


def given(value, names):
    """Return the arguments that are not empty, as strings even where they look like numbers."""
    return {name: ParameterValue(value[name], value_type=str) for name in names if value[name]}


def generate_launch_description():
    """Return the launch description."""
    return LaunchDescription(
        [
            *arguments(),
            SetEnvironmentVariable("FASTRTPS_DEFAULT_PROFILES_FILE", DDS_PROFILE),
            SetEnvironmentVariable("FASTDDS_DEFAULT_PROFILES_FILE", DDS_PROFILE),
            OpaqueFunction(function=nodes),
        ]
    )
