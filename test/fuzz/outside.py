"""What comes from outside, made of values; and one camera that is answered as the node answers it."""

import cv2
import numpy as np

from hdnet_ros.locate.priors import BoxHeightPrior
from hdnet_ros.messages.door import check
from hdnet_ros.messages.images import ImageDecoder
from hdnet_ros.messages.message_types import (
    CameraInfo,
    CompressedImage,
    Detection2D,
    Detection2DArray,
    Header,
    Image,
    ObjectHypothesisWithPose,
)
from hdnet_ros.messages.publication import Publication
from hdnet_ros.messages.shot import shot_from_messages
from hdnet_ros.pipeline.bad_input import BadInput
from hdnet_ros.pipeline.pipeline import locate, make_pipeline
from hdnet_ros.pipeline.setting import filled
from hdnet_ros.pipeline.settings import HDNET_SETTINGS

WIDTH, HEIGHT, FOCAL_PX = 640, 480, 1000.0
FRAME = "camera_optical_frame"
GOOD_BOX = (420.0, 240.0, 150.0, 425.0)  # 1000 px * 1.7 m / 425 px = 4 m
GOOD_ROOT_M = ((420.0 - 320.0) / FOCAL_PX * 4.0, 0.0, 4.0)
PIXELS = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
STEP_NS = 100_000_000


def header(stamp_ns, frame=FRAME):
    made = Header(frame_id=frame)
    made.stamp.sec, made.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
    return made


def image(stamp_ns, **changes):
    made = Image(header=header(stamp_ns), width=WIDTH, height=HEIGHT, encoding="rgb8", step=3 * WIDTH)
    made.data = PIXELS.tobytes()
    return changed(made, changes)


def picture(stamp_ns, data, format="jpeg"):
    return CompressedImage(header=header(stamp_ns), format=format, data=data)


def info(stamp_ns, **changes):
    made = CameraInfo(header=header(stamp_ns), width=WIDTH, height=HEIGHT, distortion_model="plumb_bob")
    made.k = np.array([FOCAL_PX, 0.0, 320.0, 0.0, FOCAL_PX, 240.0, 0.0, 0.0, 1.0])
    made.p = np.array([FOCAL_PX, 0.0, 320.0, 0.0, 0.0, FOCAL_PX, 240.0, 0.0, 0.0, 0.0, 1.0, 0.0])
    made.d = [0.0] * 5
    return changed(made, changes)


def box(x, y, width, height, score=0.9, theta=0.0, id="", class_id="person"):
    made = Detection2D(id=id)
    made.bbox.center.position.x, made.bbox.center.position.y, made.bbox.center.theta = x, y, theta
    made.bbox.size_x, made.bbox.size_y = width, height
    result = ObjectHypothesisWithPose()
    result.hypothesis.class_id, result.hypothesis.score = class_id, score
    made.results = [result]
    return made


def boxes(stamp_ns, *items):
    return Detection2DArray(header=header(stamp_ns), detections=list(items))


def changed(message, changes):
    for name, value in changes.items():
        setattr(message, name, value)
    return message


class Answering:
    """One camera through the node's own way from messages to messages, each checked at the door."""

    def __init__(self, tracking_frame="none", **changes):
        self.options = {**filled(HDNET_SETTINGS, {}), "tracking_frame": tracking_frame, **changes}
        self.pose = np.eye(4)
        lookup = (lambda stamp_ns, source, target: self.pose) if tracking_frame != "none" else None
        self.pipeline = make_pipeline(self.options, lookup, lambda sentence: None)
        self.publication = Publication(self.options, "box-height")
        self.estimator = BoxHeightPrior()
        self.stamp_ns = 1_700_000_000_000_000_000

    def next_stamp_ns(self):
        self.stamp_ns += STEP_NS
        return self.stamp_ns

    def answer(self, an_image, detections, an_info):
        """Return the scene and the messages about it by topic, or the BadInput that says why there is none."""
        try:
            shot = shot_from_messages(an_image, detections, an_info, self.options, ImageDecoder())
        except BadInput as fault:
            return None, fault
        (located,) = locate(self.estimator, [shot])
        scene = self.pipeline.scene(located)
        said = dict(self.publication.of(scene))
        for message in said.values():
            check(message)
        return scene, said

    def assert_good_image_is_answered(self):
        """The next image of one person at 4 m is answered to the millimetre."""
        self.pose = np.eye(4)
        stamp_ns = self.next_stamp_ns()
        scene, said = self.answer(image(stamp_ns), boxes(stamp_ns, box(*GOOD_BOX)), info(stamp_ns))
        assert scene is not None, said
        (person,) = said["~/persons"].persons
        position = person.root_pose.pose.position
        np.testing.assert_allclose((position.x, position.y, position.z), GOOD_ROOT_M, atol=1e-3)
        assert scene.people[0].number > 0, "the good person is not followed"


def encoded(extension):
    return cv2.imencode(extension, cv2.GaussianBlur(noise(), (0, 0), 2))[1].tobytes()


def noise():
    return np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
