"""Small recordings in every format, written by rosbags alone."""

from pathlib import Path

import cv2
import numpy as np
import pytest

try:
    from rosbags.highlevel import AnyReader
    from rosbags.rosbag1 import Writer as Writer1
    from rosbags.rosbag2 import StoragePlugin
    from rosbags.rosbag2 import Writer as Writer2
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    from hdnet_ros.bags.settings import BagJob
    from hdnet_ros.pipeline.setting import filled
    from hdnet_ros.pipeline.settings import DETECTOR_SETTINGS, HDNET_SETTINGS
    from hdnet_ros.messages.plain_messages import typestore
except ImportError:
    # ROS has no package for rosbags (pip install rosbags): nothing of bags can be tested without.
    collect_ignore_glob = ["test_*.py"]

FOCAL_PX = 1000.0
START_NS = 1_700_000_000_000_000_000
STEP_NS = 100_000_000
FRAMES = 8

# vision_msgs of ROS 1: the class is a number, the box' centre a Pose2D of geometry_msgs.
_ROS1_VISION = {
    "vision_msgs/msg/ObjectHypothesisWithPose": "int64 id\nfloat64 score\ngeometry_msgs/PoseWithCovariance pose",
    "vision_msgs/msg/BoundingBox2D": "geometry_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y",
    "vision_msgs/msg/Detection2D": "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
    "vision_msgs/BoundingBox2D bbox\nsensor_msgs/Image source_img",
    "vision_msgs/msg/Detection2DArray": "std_msgs/Header header\nvision_msgs/Detection2D[] detections",
    "tf2_msgs/msg/TFMessage": "geometry_msgs/TransformStamped[] transforms",
}  # fmt: skip


def boxes_of(frame):
    """Two people: one of 170 px at 10 m who walks to the right, one of 425 px at 4 m."""
    return [(100.0 + 10.0 * frame, 200.0, 60.0, 170.0), (420.0, 240.0, 150.0, 425.0)]


class Scene:
    """Writes the messages of a driving camera: 1 m/s along x of odom, looking along it.

    `more_tf` are (topic, parent, child) sent with every image, `odd_images` fields by frame, `other_camera`
    also lets a camera of another frame and half the focal length tell its info.
    """

    def __init__(
        self, ros1=False, compressed=False, with_info=True, with_boxes=True, with_tf=True, more_tf=(), odd_images=None,
        focal_px=lambda frame: FOCAL_PX, boxes_late_ns=30_000_000, other_camera=False, boxes=boxes_of,
    ):  # fmt: skip
        self.focal_px, self.boxes_late_ns, self.other_camera = focal_px, boxes_late_ns, other_camera
        self.boxes = boxes
        self.more_tf, self.odd_images = more_tf, odd_images or {}
        self.store = typestore() if not ros1 else get_typestore(Stores.ROS1_NOETIC)
        self.ros1, self.compressed = ros1, compressed
        self.with_info, self.with_boxes, self.with_tf = with_info, with_boxes, with_tf
        self.frame_id = "/camera" if ros1 else "camera"
        if ros1:
            types = {}
            for name, text in _ROS1_VISION.items():
                types.update(get_types_from_msg(text, name))
            self.store.register(types)

    def make(self, name, **values):
        return self.store.types[name](**values)

    def header(self, stamp_ns, frame_id=None):
        sec, nanosec = divmod(stamp_ns, 1_000_000_000)
        stamp = self.make("builtin_interfaces/msg/Time", sec=sec, nanosec=nanosec)
        values = {"stamp": stamp, "frame_id": self.frame_id if frame_id is None else frame_id}
        return self.make("std_msgs/msg/Header", **values, **({"seq": 0} if self.ros1 else {}))

    def messages(self, frames=FRAMES):
        """Yield (time in ns, topic, message); detections come `boxes_late_ns` after their image."""
        if self.with_tf:
            yield START_NS - STEP_NS, "/tf_static", self.tf(START_NS, "base", self.frame_id, (0.2, 0, 1.1), OPTICAL)
            yield START_NS - STEP_NS, "/tf", self.tf(START_NS - STEP_NS, "odom", "base", (-0.1, 0, 0), LEVEL)
        for frame in range(frames):
            stamp_ns = START_NS + frame * STEP_NS
            if self.with_info:
                yield stamp_ns, "/camera_info", self.info(stamp_ns, self.focal_px(frame))
            if self.other_camera:
                yield stamp_ns + 500_000, "/camera_info", self.info(stamp_ns, FOCAL_PX / 2, "other")
            topic = "/image/compressed" if self.compressed else "/image"
            yield stamp_ns + 1_000_000, topic, self.image(stamp_ns, frame)
            if self.with_tf:
                # Between two stamps of TF: the pose at the image's stamp has to be interpolated.
                tf_ns = stamp_ns + STEP_NS // 2
                yield stamp_ns + 2_000_000, "/tf", self.tf(tf_ns, "odom", "base", (0.1 * frame + 0.05, 0, 0), LEVEL)
            for tf_topic, parent, child in self.more_tf:
                yield stamp_ns + 3_000_000, tf_topic, self.tf(stamp_ns, parent, child, (1.0, 0, 0), LEVEL)
            if self.with_boxes:
                yield stamp_ns + self.boxes_late_ns, "/detections", self.detections(stamp_ns, frame)

    def info(self, stamp_ns, f=FOCAL_PX, frame_id=None):
        matrices = {
            "d": np.zeros(5), "k": np.array([f, 0, 320.0, 0, f, 240.0, 0, 0, 1]), "r": np.eye(3).ravel(),
            "p": np.array([f, 0, 320.0, 0, 0, f, 240.0, 0, 0, 0, 1, 0]),
        }  # fmt: skip
        if self.ros1:
            matrices = {name.upper(): value for name, value in matrices.items()}
        roi = self.make("sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False)
        return self.make(
            "sensor_msgs/msg/CameraInfo", header=self.header(stamp_ns, frame_id), height=480, width=640,
            distortion_model="plumb_bob", binning_x=0, binning_y=0, roi=roi, **matrices,
        )  # fmt: skip

    def image(self, stamp_ns, frame):
        pixels = np.full((480, 640, 3), 90 + frame, np.uint8)
        header = self.header(stamp_ns)
        if self.compressed:
            data = cv2.imencode(".png", pixels)[1].ravel()
            fields = {"format": "png", "data": data, **self.odd_images.get(frame, {})}
            return self.make("sensor_msgs/msg/CompressedImage", header=header, **fields)
        fields = {"height": 480, "width": 640, "encoding": "bgr8", "step": 1920, "data": pixels.ravel()}
        fields.update(self.odd_images.get(frame, {}))
        return self.make("sensor_msgs/msg/Image", header=header, is_bigendian=0, **fields)

    def detections(self, stamp_ns, frame):
        header = self.header(stamp_ns)
        items = [self.detection(header, box) for box in self.boxes(frame)]
        return self.make("vision_msgs/msg/Detection2DArray", header=header, detections=items)

    def detection(self, header, box):
        x, y, width, height = box
        make, pose = self.make, self.pose()
        if self.ros1:
            result = make("vision_msgs/msg/ObjectHypothesisWithPose", id=0, score=0.9, pose=pose)
            centre = make("geometry_msgs/msg/Pose2D", x=x, y=y, theta=0.0)
            picture = make(
                "sensor_msgs/msg/Image", header=header, height=0, width=0, encoding="", is_bigendian=0, step=0,
                data=np.zeros(0, np.uint8),
            )  # fmt: skip
            rest = {"source_img": picture}
        else:
            hypothesis = make("vision_msgs/msg/ObjectHypothesis", class_id="0", score=0.9)
            result = make("vision_msgs/msg/ObjectHypothesisWithPose", hypothesis=hypothesis, pose=pose)
            centre = make("vision_msgs/msg/Pose2D", position=make("vision_msgs/msg/Point2D", x=x, y=y), theta=0.0)
            rest = {"id": ""}
        bbox = make("vision_msgs/msg/BoundingBox2D", center=centre, size_x=width, size_y=height)
        return make("vision_msgs/msg/Detection2D", header=header, results=[result], bbox=bbox, **rest)

    def pose(self):
        pose = self.make(
            "geometry_msgs/msg/Pose",
            position=self.make("geometry_msgs/msg/Point", x=0.0, y=0.0, z=0.0),
            orientation=self.make("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0),
        )
        return self.make("geometry_msgs/msg/PoseWithCovariance", pose=pose, covariance=np.zeros(36))

    def tf(self, stamp_ns, parent, child, offset, turn):
        translation = self.make("geometry_msgs/msg/Vector3", **dict(zip("xyz", map(float, offset))))
        rotation = self.make("geometry_msgs/msg/Quaternion", **dict(zip("xyzw", turn)))
        transform = self.make("geometry_msgs/msg/Transform", translation=translation, rotation=rotation)
        stamped = self.make(
            "geometry_msgs/msg/TransformStamped", header=self.header(stamp_ns, parent),
            child_frame_id=child, transform=transform,
        )  # fmt: skip
        return self.make("tf2_msgs/msg/TFMessage", transforms=[stamped])


LEVEL = (0.0, 0.0, 0.0, 1.0)
OPTICAL = (-0.5, 0.5, -0.5, 0.5)  # z forward to x forward


def write(path, kind="mcap", frames=FRAMES, **scene):
    """Write a scene as "mcap", "sqlite3" (rosbag2) or "ros1" and return the path."""
    made = Scene(ros1=kind == "ros1", **scene)
    if kind == "ros1":
        writer, path = Writer1(path.with_suffix(".bag")), path.with_suffix(".bag")
    else:
        writer = Writer2(path, version=9, storage_plugin=getattr(StoragePlugin, kind.upper()))
    with writer:
        connections = {}
        for time_ns, topic, message in made.messages(frames):
            name = message.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, name, typestore=made.store)
            serialize = made.store.serialize_ros1 if kind == "ros1" else made.store.serialize_cdr
            writer.write(connections[topic], time_ns, serialize(message, name))
    return path


def read(path):
    """Return {topic: [(time in ns, message)]} of a recording."""
    found = {}
    with AnyReader([Path(path)], default_typestore=typestore()) as reader:
        found = {connection.topic: [] for connection in reader.connections}
        for connection, time_ns, data in reader.messages():
            found[connection.topic].append((time_ns, reader.deserialize(data, connection.msgtype)))
    return found


@pytest.fixture
def write_bag(tmp_path):
    return lambda name="in", kind="mcap", **scene: write(tmp_path / name, kind, **scene)


@pytest.fixture
def read_bag():
    return read


@pytest.fixture
def make_job(tmp_path):
    """A job for the box-height prior (1.7 m), unless parameters say otherwise."""

    def make(source, target="out", parameters=None, detectors=None, **fields):
        options = filled(HDNET_SETTINGS, {"estimator": "box-height", **(parameters or {})})
        found = filled(DETECTOR_SETTINGS, detectors or {})
        return BagJob(source, tmp_path / target, options, found, **fields)

    return make
