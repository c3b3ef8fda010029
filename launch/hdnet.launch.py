"""hdnet_node and detectors for one camera or several: `ros2 launch hdnet_ros hdnet.launch.py`.

One camera, its topics named:
    ros2 launch hdnet_ros hdnet.launch.py image:=/camera/image_raw camera_info:=/camera/camera_info
Several, each in its own namespace, with topics relative to it, answered by one node:
    ros2 launch hdnet_ros hdnet.launch.py cameras:="front rear" image:=image_raw
"""

import os

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction, SetEnvironmentVariable
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from hdnet_ros.ros import launch_arguments as given

SHARE = get_package_share_directory("hdnet_ros")
DDS_PROFILE = os.path.join(SHARE, "config", "fastdds_large_images.xml")
# The detector runs in hdnet_node itself: no image goes over DDS twice.
INSIDE = "inside"
TOPICS = ("image", "camera_info", "detections")

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
    "tracking_frame",
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
            description="detector to start for each camera: nanodet, hog, maskrcnn, fasterrcnn, keypointrcnn; "
            "inside: nanodet in hdnet_node itself; empty: as in params_file; none: something else publishes "
            "the boxes",
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
            "tracking_frame",
            default_value="",
            description="frame that people are followed in; empty: as in params_file",
        ),
        DeclareLaunchArgument(
            "use_sim_time", default_value="false", description="take time from /clock"
        ),
    ]


def nodes(context):
    """Return the one hdnet_node, and a detector for every camera."""
    value = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENT_NAMES}
    value["namespace"] = given.namespace("namespace", value["namespace"])
    value["params_file"] = given.existing_file("params_file", value["params_file"])
    several = given.cameras(value["cameras"])
    chosen = chosen_of(value, ("estimator", "weights", "device", "tracking_frame"))
    if value["detector"] == INSIDE:
        chosen["detector"] = "nanodet"
    if several:
        chosen["cameras"] = several
    cameras = several or [""]
    started = [
        Node(
            package="hdnet_ros",
            executable="hdnet_node",
            name="hdnet_node",
            namespace=value["namespace"],
            parameters=[value["params_file"], chosen, sim_time(value)],
            remappings=[
                (joined(camera, name), given.camera_topic(camera, name, value[name]))
                for camera in cameras
                for name in TOPICS
            ],
            output="screen",
        )
    ]
    if value["detector"] not in ("none", INSIDE):
        started += [detector(camera, value) for camera in cameras]
    return started


def detector(camera, value):
    """Return the detector of one camera."""
    return Node(
        package="hdnet_ros",
        executable="detector_node",
        name="detector_node",
        namespace=joined(value["namespace"], camera),
        parameters=[value["params_file"], chosen_of(value, ("detector", "device")), sim_time(value)],
        remappings=[
            (name, given.camera_topic("", name, value[name])) for name in ("image", "detections")
        ],
        output="screen",
    )


def joined(*names):
    """Return names with slashes between them, those that are empty left out."""
    return "/".join(name for name in names if name)


def sim_time(value):
    """Return the parameter that says whose time it is."""
    return {"use_sim_time": given.flag("use_sim_time", value["use_sim_time"])}


def chosen_of(value, names):
    """Return the arguments that are not empty, as strings even where they look like numbers."""
    return {name: ParameterValue(value[name], value_type=str) for name in names if value[name]}


def dds_profile(context):
    """Return what makes Fast DDS fit for images, unless the user has a profile of his own."""
    variables, told = given.dds_profile(context.environment, DDS_PROFILE)
    set_all = [SetEnvironmentVariable(name, path) for name, path in variables.items()]
    return set_all + ([LogInfo(msg=told)] if told else [])


def generate_launch_description():
    """Return the launch description."""
    return LaunchDescription(
        [*arguments(), OpaqueFunction(function=dds_profile), OpaqueFunction(function=nodes)]
    )
