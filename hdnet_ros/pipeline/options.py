"""The parameters of the three nodes; config/hdnet.yaml repeats them."""

from hdnet_ros.locate.detectors import DEFAULT_DETECTOR, DETECTOR_NAMES, PRESET_NAMES
from hdnet_ros.pipeline.parameter_spec import ParameterSpec

_AT_CONFIGURE = "takes effect when the node is configured"
_AT_ACTIVATE = "takes effect when the node is activated"

HDNET_PARAMETERS = (
    ParameterSpec(
        "auto_activate",
        True,
        "configure and activate at start; false leaves both to a lifecycle manager",
        read_only=True,
    ),
    ParameterSpec(
        "estimator",
        "auto",
        "what locates people; auto: hdnet where there are weights, else box-height; "
        f"{_AT_CONFIGURE}",
        choices=("auto", "hdnet", "box-height", "box-area"),
    ),
    ParameterSpec(
        "weights",
        "",
        f"path of HDNet's weights (.safetensors); empty: the bundled ones; {_AT_CONFIGURE}",
    ),
    ParameterSpec(
        "device",
        "auto",
        "where the network runs: auto (CUDA when there is one), cpu, cuda, cuda:1; "
        f"{_AT_CONFIGURE}",
    ),
    ParameterSpec(
        "precision",
        "auto",
        "what the network computes in: float32, bfloat16, or auto: bfloat16 on processors that "
        f"multiply in it; {_AT_CONFIGURE}",
        choices=("auto", "float32", "bfloat16"),
    ),
    ParameterSpec(
        "second_look",
        "auto",
        "mean of the network's answers to two patches of each person, which is steadier and takes "
        "twice the time: always, never, or auto: on a GPU, and where nobody waits (recordings, files); "
        f"{_AT_CONFIGURE}",
        choices=("auto", "always", "never"),
    ),
    ParameterSpec(
        "joints_from",
        "network",
        "whose pixels of root and joints count: the network's, or those of detections that bring "
        f"joints; {_AT_CONFIGURE}",
        choices=("network", "detection"),
    ),
    ParameterSpec(
        "patch",
        "checkpoint",
        "how a person is cut out: crop (the paper), virtual (a camera turned to the box), or as "
        f"the weights were trained; {_AT_CONFIGURE}",
        choices=("checkpoint", "crop", "virtual"),
    ),
    ParameterSpec(
        "stature_m",
        1.7,
        f"height of everybody for the box-height estimator, m; {_AT_CONFIGURE}",
        span=(0.3, 2.5),
    ),
    ParameterSpec(
        "cameras",
        [""],
        'namespaces of the cameras that this node answers, their topics <camera>/image and so on; '
        '[""]: one camera without a namespace of its own',
        read_only=True,
    ),
    ParameterSpec(
        "image_transport",
        "raw",
        f"raw (sensor_msgs/Image) or compressed (CompressedImage on <image>/compressed); {_AT_ACTIVATE}",
        choices=("raw", "compressed"),
    ),
    ParameterSpec(
        "image_is_rectified",
        False,
        "true: images are rectified and P of the CameraInfo counts; false: raw, K and D count",
    ),
    ParameterSpec(
        "class_ids",
        ["person", "0"],
        'class ids of detections that mean a person; [""]: every class',
    ),
    ParameterSpec(
        "min_score",
        0.0,
        "detections of a lower score are left out, no unit",
        span=(0.0, 1.0),
    ),
    ParameterSpec(
        "max_people",
        50,
        "people answered per image, those of the highest score",
        span=(1, 1000),
    ),
    ParameterSpec(
        "detections_scale",
        1.0,
        "px of the image per px of the image that the detector works on",
        span=(0.01, 100.0),
    ),
    ParameterSpec(
        "slop_s",
        0.02,
        f"largest difference between the stamps of image and detections, s; {_AT_ACTIVATE}",
        span=(0.0, 1.0),
    ),
    ParameterSpec(
        "images_kept",
        30,
        f"images that wait for their detections (2.8 MB each at 720p); {_AT_ACTIVATE}",
        span=(1, 300),
    ),
    ParameterSpec(
        "tracking",
        True,
        f"keep ids from frame to frame; false: ids count within a frame; {_AT_ACTIVATE}",
    ),
    ParameterSpec(
        "track_gate_sigmas",
        4.0,
        "largest distance between where a person was expected and where one is, in standard "
        f"deviations; {_AT_ACTIVATE}",
        span=(0.5, 20.0),
    ),
    ParameterSpec(
        "track_keep_s",
        2.0,
        f"a person unseen for longer gets another id, s; {_AT_ACTIVATE}",
        span=(0.05, 60.0),
    ),
    ParameterSpec(
        "track_birth_sightings",
        2,
        f"sightings before somebody is told on ~/tracks; 1: also every false box; {_AT_ACTIVATE}",
        span=(1, 100),
    ),
    ParameterSpec(
        "tracking_frame",
        "",
        "frame that people are followed in, z up, not moving with the camera; empty: odom where TF "
        "offers it, else the camera's own optical frame; none: the camera's own; "
        f"{_AT_ACTIVATE}",
    ),
    ParameterSpec(
        "tf_wait_s",
        0.2,
        "an image waits so long for the camera's pose at its stamp, s; then its people are told "
        "without tracks",
        span=(0.0, 5.0),
    ),
    ParameterSpec(
        "outputs",
        [""],
        "what is published for planners besides ~/tracks: people (people_msgs/People on /people), "
        "ros4hri (REP-155 bodies under /humans/bodies), cohan (cohan_msgs/TrackedAgents on "
        "/tracked_agents), ground_points (PointCloud2 ~/ground_points); "
        f'[""]: nothing; {_AT_CONFIGURE}',
        choices=("people", "ros4hri", "cohan", "ground_points"),
    ),
    ParameterSpec(
        "ground_points_radius_m",
        0.3,
        "radius of a person's disc in ~/ground_points, m; points lie 0.05 m apart",
        span=(0.05, 2.0),
    ),
    ParameterSpec(
        "ground_frame",
        "base_footprint",
        "frame whose plane z = 0 is the floor; where TF has it, statures count from the floor; empty: no floor",
    ),
    ParameterSpec(
        "ground_depth",
        False,
        "fuse the depth of the feet on the floor with the estimator's; wants people who stand on "
        "that floor, and a camera whose pitch is known",
    ),
    ParameterSpec(
        "ground_pitch_sigma_rad",
        0.0087,
        "standard deviation of the camera's pitch over the floor, rad; slopes of the floor included",
        span=(0.0001, 0.2),
    ),
    ParameterSpec("publish_tf", True, "publish a TF frame per person"),
    ParameterSpec("tf_prefix", "body_", "name of a person's TF frame before the id (REP-155)"),
    ParameterSpec(
        "marker_lifetime_s",
        1.0,
        f"RViz drops markers after this long without news, s; 0: never; {_AT_ACTIVATE}",
        span=(0.0, 60.0),
    ),
)

DETECTOR_PARAMETERS = (
    ParameterSpec(
        "detector",
        DEFAULT_DETECTOR,
        "what finds people: nanodet (bundled), hog (OpenCV, no weights), or torchvision's maskrcnn (the "
        "paper's), fasterrcnn or keypointrcnn, whose weights you bring",
        choices=DETECTOR_NAMES,
        read_only=True,
    ),
    ParameterSpec(
        "preset",
        "good",
        "what nanodet is shown: fast (a small image: robots' laptops), good (a small and a large one), "
        "wide (those and tiles of wide images: people far away)",
        choices=PRESET_NAMES,
        read_only=True,
    ),
    ParameterSpec(
        "sides_px",
        [0],
        "longer sides, px, at which nanodet is shown the image, multiples of 32 at best; [0]: the preset's",
        read_only=True,
    ),
    ParameterSpec(
        "weights",
        "",
        "path of the detector's weights; empty: nanodet's bundled ones, torchvision's need a path; "
        "nothing is downloaded",
        read_only=True,
    ),
    ParameterSpec("device", "auto", "where a network runs: auto, cpu, cuda", read_only=True),
    ParameterSpec(
        "min_score", 0.45, "boxes of a lower score are left out, no unit", span=(0.0, 1.0)
    ),
    ParameterSpec(
        "hog_scale",
        1.5,
        "enlargement of the image before HOG looks for people, no unit; 2.0 finds smaller ones, slower",
        span=(0.25, 4.0),
        read_only=True,
    ),
    ParameterSpec("class_id", "person", "class id written into the detections"),
    ParameterSpec(
        "image_transport",
        "raw",
        "raw (sensor_msgs/Image) or compressed (CompressedImage on <image>/compressed)",
        choices=("raw", "compressed"),
        read_only=True,
    ),
)

VIDEO_PARAMETERS = (
    ParameterSpec(
        "source", "", "video file, picture, folder of pictures, or /dev/video<N>", read_only=True
    ),
    ParameterSpec(
        "camera", "", "camera file: camera_info YAML or JSON with K; required", read_only=True
    ),
    ParameterSpec(
        "rate_hz",
        0.0,
        "images per second, Hz; 0: the source's own rate over stride",
        span=(0.0, 1000.0),
        read_only=True,
    ),
    ParameterSpec(
        "stride",
        1,
        "publish every so many-th image of the source; with rate_hz 0 the people in it move at "
        "their own speed",
        span=(1, 1_000_000),
        read_only=True,
    ),
    ParameterSpec("loop", False, "start over at the end (not for a webcam)", read_only=True),
    ParameterSpec(
        "stamps",
        "now",
        "now: the time of publishing; source: a video's own time, from 0 on (plus 1 s, for 0 means "
        "unset), a webcam's time of capture",
        choices=("now", "source"),
        read_only=True,
    ),
    ParameterSpec("frame_id", "camera_optical_frame", "optical frame of the camera"),
    ParameterSpec(
        "wait_for_subscribers",
        0,
        "hold the first image until so many subscribe to it",
        span=(0, 100),
        read_only=True,
    ),
    ParameterSpec(
        "max_frames",
        0,
        "stop after so many images; 0: no limit",
        span=(0, 1_000_000_000),
        read_only=True,
    ),
    ParameterSpec(
        "exit_at_end", True, "end the process after the last image; false: stay", read_only=True
    ),
)
