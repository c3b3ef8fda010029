"""The one table of settings: parameters of the three nodes, options of the commands.

config/hdnet.yaml and the reference pages are written from it (settings_text.py).
"""

from hdnet_ros.locate.detectors import DEFAULT_DETECTOR, DETECTOR_NAMES, NO_DETECTOR, PRESET_NAMES
from hdnet_ros.locate.factory import ESTIMATOR_NAMES, JOINT_SOURCES, PATCH_MODES, SECOND_LOOKS
from hdnet_ros.model.engine_names import ENGINES, PRECISIONS
from hdnet_ros.pipeline.detection_types import DETECTION_TYPES
from hdnet_ros.pipeline.setting import AT_ACTIVATE, AT_CONFIGURE, AT_START, Setting
from hdnet_ros.tracking.tracking import MIN_EXISTENCE

HDNET_SETTINGS = (
    Setting(
        "auto_activate",
        True,
        "configure and activate at start; false leaves both to a lifecycle manager",
        effect=AT_START,
    ),
    Setting(
        "estimator",
        "auto",
        "what locates people; auto: hdnet where there are weights, else box-height",
        choices=ESTIMATOR_NAMES,
        effect=AT_CONFIGURE,
    ),
    Setting(
        "weights",
        "",
        "path of HDNet's weights (.safetensors); empty: the bundled ones",
        effect=AT_CONFIGURE,
    ),
    Setting(
        "device",
        "auto",
        "where the network runs: auto (CUDA when there is one), cpu, cuda, cuda:1",
        effect=AT_CONFIGURE,
    ),
    Setting(
        "engine",
        "auto",
        "what runs the network: torch, openvino (x86 processors), or auto: openvino on a CPU where it "
        "is installed",
        choices=ENGINES,
        effect=AT_CONFIGURE,
    ),
    Setting(
        "precision",
        "auto",
        "what the network computes in: float32, bfloat16, float16 (GPU), or auto: bfloat16 on "
        "processors that multiply in it",
        choices=PRECISIONS,
        effect=AT_CONFIGURE,
    ),
    Setting(
        "second_look",
        "auto",
        "mean of the network's answers to two patches of each person, which is steadier and "
        "takes twice the time: always, never, or auto: on a GPU, and where nobody waits "
        "(recordings, files)",
        choices=SECOND_LOOKS,
        effect=AT_CONFIGURE,
    ),
    Setting(
        "joints_from",
        "network",
        "whose pixels of root and joints count: the network's, or those of detections that "
        "bring joints",
        choices=JOINT_SOURCES,
        effect=AT_CONFIGURE,
    ),
    Setting(
        "patch",
        "checkpoint",
        "how a person is cut out: crop (the paper), virtual (a camera turned to the box), or "
        "as the weights were trained",
        choices=PATCH_MODES,
        effect=AT_CONFIGURE,
    ),
    Setting(
        "stature_m",
        1.7,
        "height of everybody for the box-height estimator",
        unit="m",
        span=(0.3, 2.5),
        effect=AT_CONFIGURE,
    ),
    Setting(
        "cameras",
        [""],
        "namespaces of the cameras that this node answers, their topics <camera>/image and so "
        'on; [""]: one camera without a namespace of its own',
        effect=AT_START,
    ),
    Setting(
        "image_transport",
        "raw",
        "raw (sensor_msgs/Image) or compressed (CompressedImage on <image>/compressed)",
        choices=("raw", "compressed"),
        effect=AT_ACTIVATE,
    ),
    Setting(
        "image_is_rectified",
        False,
        "true: images are rectified and P of the CameraInfo counts; false: raw, K and D count",
    ),
    Setting(
        "detector",
        NO_DETECTOR,
        "what finds people inside this node, so that no image goes over DDS twice, as detector_node's "
        "parameter of that name; none: boxes come on the topic `detections`",
        choices=(NO_DETECTOR, *DETECTOR_NAMES),
        effect=AT_CONFIGURE,
    ),
    Setting(
        "detector_preset",
        "good",
        "what nanodet inside this node is shown, as detector_node's preset",
        choices=PRESET_NAMES,
        effect=AT_CONFIGURE,
    ),
    Setting(
        "detector_weights",
        "",
        "path of the weights of the detector inside this node; empty: nanodet's bundled ones",
        effect=AT_CONFIGURE,
    ),
    Setting(
        "detections_type",
        "auto",
        "type of the messages on `detections`; auto: found out from who publishes them",
        choices=("auto", *DETECTION_TYPES),
        effect=AT_ACTIVATE,
    ),
    Setting(
        "class_ids",
        ["person", "0"],
        'class ids of detections that mean a person; [""]: every class',
    ),
    Setting(
        "min_score",
        0.0,
        "detections of a lower score are left out; 0 with a detector inside this node: its own limit",
        span=(0.0, 1.0),
    ),
    Setting(
        "max_people",
        50,
        "people answered per image, those of the highest score",
        span=(1, 200),
    ),
    Setting(
        "look_budget_ms",
        0.0,
        "time for the network's looks at the people of one image; where it is too short for everybody, who "
        "waited longest is looked at, the nearer more often, and the others are coasted on ~/tracks and "
        "left out of ~/persons; 0: everybody in every image",
        span=(0.0, 10000.0),
        unit="ms",
    ),
    Setting(
        "look_deadline_ms",
        0.0,
        "the looks at the people of an image are to end so long after its stamp; with what is left of it as with "
        "look_budget_ms, and at least one person is looked at even if nothing is left; stamps over a minute from the "
        "node's clock are another clock's and have none; 0: no deadline",
        span=(0.0, 10000.0),
        unit="ms",
    ),
    Setting(
        "detections_scale",
        1.0,
        "px of the image per px of the image that the detector works on",
        span=(0.01, 100.0),
    ),
    Setting(
        "detections_offset_x_px",
        0.0,
        "where the image begins in the one that the detector works on: the width of a letterbox's left bar",
        unit="px",
        span=(-10000.0, 10000.0),
    ),
    Setting(
        "detections_offset_y_px",
        0.0,
        "likewise the height of its upper bar",
        unit="px",
        span=(-10000.0, 10000.0),
    ),
    Setting(
        "slop_s",
        0.02,
        "largest difference between the stamps of image and detections",
        unit="s",
        span=(0.0, 1.0),
        effect=AT_ACTIVATE,
    ),
    Setting(
        "images_kept",
        30,
        "images that wait for their detections (2.8 MB each at 720p)",
        span=(1, 300),
        effect=AT_ACTIVATE,
    ),
    Setting(
        "tracking",
        True,
        "keep ids from frame to frame; false: ids count within a frame",
        effect=AT_ACTIVATE,
    ),
    Setting(
        "track_gate_sigmas",
        4.0,
        "largest distance between where a person was expected and where one is, in standard "
        "deviations",
        span=(0.5, 20.0),
        effect=AT_ACTIVATE,
    ),
    Setting(
        "track_keep_s",
        2.0,
        "a person unseen for longer gets another id",
        unit="s",
        span=(0.05, 60.0),
        effect=AT_ACTIVATE,
    ),
    Setting(
        "track_birth_sightings",
        2,
        "sightings before somebody is told on ~/tracks; 1: also every false box",
        span=(1, 100),
        effect=AT_ACTIVATE,
    ),
    Setting(
        "min_existence",
        MIN_EXISTENCE,
        "who is less certainly there, as HDNet judges it, is nobody: flagged in ~/persons, absent "
        "from tracks, TF, markers and planners' outputs; 0: every box is believed",
        span=(0.0, 1.0),
        effect=AT_ACTIVATE,
    ),
    Setting(
        "tracking_frame",
        "",
        "frame that people are followed in, z up, not moving with the camera; empty: odom "
        "where TF offers it, else the camera's own optical frame; none: the camera's own",
        effect=AT_ACTIVATE,
    ),
    Setting(
        "tf_wait_s",
        0.2,
        "an image waits so long for the camera's pose at its stamp; then its people are told "
        "without tracks",
        unit="s",
        span=(0.0, 5.0),
    ),
    Setting(
        "outputs",
        [""],
        "what is published for planners besides ~/tracks: people (people_msgs/People on "
        "/people), ros4hri (REP-155 bodies under /humans/bodies), cohan "
        "(cohan_msgs/TrackedAgents on /tracked_agents), ground_points (PointCloud2 "
        '~/ground_points); [""]: nothing',
        choices=("people", "ros4hri", "cohan", "ground_points"),
        effect=AT_CONFIGURE,
    ),
    Setting(
        "ground_points_radius_m",
        0.3,
        "radius of a person's disc in ~/ground_points; points lie 0.05 m apart",
        unit="m",
        span=(0.05, 2.0),
    ),
    Setting(
        "ground_frame",
        "base_footprint",
        "frame whose plane z = 0 is the floor; where TF has it, statures count from the "
        "floor; empty: no floor",
    ),
    Setting(
        "ground_depth",
        False,
        "fuse the depth of the feet on the floor with the estimator's; wants people who stand "
        "on that floor, and a camera whose pitch is known",
    ),
    Setting(
        "ground_pitch_sigma_rad",
        0.0087,
        "standard deviation of the camera's pitch over the floor; slopes of the floor "
        "included",
        unit="rad",
        span=(0.0001, 0.2),
    ),
    Setting(
        "publish_tf",
        True,
        "publish a TF frame per person",
    ),
    Setting(
        "tf_prefix",
        "body_",
        "name of a person's TF frame before the id (REP-155)",
    ),
    Setting(
        "marker_lifetime_s",
        1.0,
        "RViz drops markers after this long without news; 0: never",
        unit="s",
        span=(0.0, 60.0),
        effect=AT_ACTIVATE,
    ),
)

DETECTOR_SETTINGS = (
    Setting(
        "detector",
        DEFAULT_DETECTOR,
        "what finds people: nanodet (bundled), hog (OpenCV, no weights), or torchvision's "
        "maskrcnn (the paper's), fasterrcnn or keypointrcnn, whose weights you bring",
        choices=DETECTOR_NAMES,
        effect=AT_START,
    ),
    Setting(
        "preset",
        "good",
        "what nanodet is shown: fast (a small image: robots' laptops), good (a small and a "
        "large one), wide (those and tiles of wide images: people far away)",
        choices=PRESET_NAMES,
        effect=AT_START,
    ),
    Setting(
        "sides_px",
        [0],
        "longer sides at which nanodet is shown the image, multiples of 32 at best; [0]: the "
        "preset's",
        unit="px",
        effect=AT_START,
    ),
    Setting(
        "weights",
        "",
        "path of the detector's weights; empty: nanodet's bundled ones, torchvision's need a "
        "path; nothing is downloaded",
        effect=AT_START,
    ),
    Setting(
        "device",
        "auto",
        "where a network runs: auto, cpu, cuda",
        effect=AT_START,
    ),
    Setting(
        "engine",
        "auto",
        "what runs nanodet: torch, openvino (x86 processors), or auto: openvino on a CPU where it is "
        "installed",
        choices=ENGINES,
        effect=AT_START,
    ),
    Setting(
        "precision",
        "auto",
        "what nanodet computes in: float32, bfloat16, float16 (GPU), or auto: bfloat16 on processors "
        "that multiply in it",
        choices=PRECISIONS,
        effect=AT_START,
    ),
    Setting(
        "min_score",
        0.45,
        "boxes of a lower score are left out",
        span=(0.0, 1.0),
    ),
    Setting(
        "hog_scale",
        1.5,
        "enlargement of the image before HOG looks for people; 2.0 finds smaller ones, slower",
        span=(0.25, 4.0),
        effect=AT_START,
    ),
    Setting(
        "class_id",
        "person",
        "class id written into the detections",
    ),
    Setting(
        "image_transport",
        "raw",
        "raw (sensor_msgs/Image) or compressed (CompressedImage on <image>/compressed)",
        choices=("raw", "compressed"),
        effect=AT_START,
    ),
)

VIDEO_SETTINGS = (
    Setting(
        "source",
        "",
        "video file, picture, folder of pictures, or /dev/video<N>",
        effect=AT_START,
    ),
    Setting(
        "camera",
        "",
        "camera file: camera_info YAML or JSON with K; required",
        effect=AT_START,
    ),
    Setting(
        "rate_hz",
        0.0,
        "images per second; 0: the source's own rate over stride",
        unit="Hz",
        span=(0.0, 1000.0),
        effect=AT_START,
    ),
    Setting(
        "stride",
        1,
        "publish every so many-th image of the source; with rate_hz 0 the people in it move "
        "at their own speed",
        span=(1, 1000000),
        effect=AT_START,
    ),
    Setting(
        "loop",
        False,
        "start over at the end (not for a webcam)",
        effect=AT_START,
    ),
    Setting(
        "stamps",
        "now",
        "now: the time of publishing; source: a video's own time, from 0 on (plus 1 s, for 0 "
        "means unset), a webcam's time of capture",
        choices=("now", "source"),
        effect=AT_START,
    ),
    Setting(
        "frame_id",
        "camera_optical_frame",
        "optical frame of the camera",
    ),
    Setting(
        "wait_for_subscribers",
        0,
        "hold the first image until so many subscribe to it",
        span=(0, 100),
        effect=AT_START,
    ),
    Setting(
        "max_frames",
        0,
        "stop after so many images; 0: no limit",
        span=(0, 1000000000),
        effect=AT_START,
    ),
    Setting(
        "exit_at_end",
        True,
        "end the process after the last image; false: stay",
        effect=AT_START,
    ),
)
SETTINGS = {
    "hdnet_node": HDNET_SETTINGS,
    "detector_node": DETECTOR_SETTINGS,
    "video_node": VIDEO_SETTINGS,
}
"""Settings by the node whose parameters they are."""
