"""Bodies of REP-155 (ROS4HRI) under /humans/bodies; the frames body_<id> come with ~/tracks.

Per body: roi, cropped, skeleton2d where the estimator gives joints, and position and velocity, which
the REP does not list but its body detector publishes. Left out, because nothing here estimates them:
joint_states (angles of the human URDF), posture, gesture, and everything about faces, voices and
persistent persons.
"""

from __future__ import annotations

import math

import numpy as np
from geometry_msgs.msg import PointStamped, TwistStamped
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from hdnet_ros.msg import PersonRoot, PersonTrack
from hdnet_ros.messages.images import image_from_rgb
from hdnet_ros.ros.planners.sink import message_classes
from hdnet_ros.ros.planners.tracks import planned_velocity_m_s
from hdnet_ros.ros.qos import RESULTS, advertise, advertise_quietly

NAMESPACE = "/humans/bodies"
_NAMES = ("IdsList", "NormalizedRegionOfInterest2D", "NormalizedPointOfInterest2D", "Skeleton2D")
# Skeleton2D has eyes and ears, Human3.6M has none; its neck is the middle of the shoulders.
_SAME_JOINTS = (
    "NOSE", "RIGHT_SHOULDER", "RIGHT_ELBOW", "RIGHT_WRIST", "LEFT_SHOULDER", "LEFT_ELBOW", "LEFT_WRIST",
    "RIGHT_HIP", "RIGHT_KNEE", "RIGHT_ANKLE", "LEFT_HIP", "LEFT_KNEE", "LEFT_ANKLE",
)  # fmt: skip


class Ros4HriSink:
    """/humans/bodies/tracked, and the topics of each body while it is followed.

    Somebody who coasts through an occlusion stays in the list, with position and velocity alone.
    """

    def __init__(self, node, logbook, options):
        self._node = node
        self._messages = message_classes("hri_msgs", *_NAMES)
        self._kinds = {
            "roi": self._messages.NormalizedRegionOfInterest2D,
            "cropped": Image,
            "skeleton2d": self._messages.Skeleton2D,
            "position": PointStamped,
            "velocity": TwistStamped,
        }
        self._tracked = advertise(
            node.create_lifecycle_publisher,
            node,
            self._messages.IdsList,
            f"{NAMESPACE}/tracked",
            RESULTS,
            logbook.qos_mismatch,
        )
        self._bodies: dict[str, dict] = {}
        self._last_header: Header | None = None

    def publish(self, told) -> None:
        """Publish the bodies' topics, then the list of them."""
        tracks, persons = told.tracks, told.persons
        ids = [track.id for track in tracks.tracks]
        for gone in self._bodies.keys() - set(ids):
            self._drop(gone)
        for track in tracks.tracks:
            publishers = self._publishers(track.id)
            publishers["position"].publish(position_message(tracks.header, track))
            publishers["velocity"].publish(velocity_message(tracks.header, track))
            if track.person_index >= 0:
                person = persons.persons[track.person_index]
                self._publish_seen(publishers, persons.header, person, told.scene.shot.image_rgb)
        self._tracked.publish(self._messages.IdsList(header=tracks.header, ids=ids))
        self._last_header = tracks.header

    def reset(self) -> None:
        """Let every body's topics go, and say that nobody is there."""
        for id in list(self._bodies):
            self._drop(id)
        if self._last_header is not None:
            self._tracked.publish(self._messages.IdsList(header=self._last_header))
            self._last_header = None

    def close(self) -> None:
        """Destroy all publishers."""
        for id in list(self._bodies):
            self._drop(id)
        self._node.destroy_lifecycle_publisher(self._tracked)

    def _publish_seen(self, publishers: dict, header: Header, person: PersonRoot, image_rgb) -> None:
        size_wh_px = (image_rgb.shape[1], image_rgb.shape[0])
        publishers["roi"].publish(roi_message(self._messages, header, person, size_wh_px))
        skeleton = skeleton_message(self._messages, header, person, size_wh_px)
        if skeleton is not None:
            publishers["skeleton2d"].publish(skeleton)
        if publishers["cropped"].get_subscription_count():
            rows, columns = crop_slices(person, size_wh_px)
            publishers["cropped"].publish(image_from_rgb(header, image_rgb[rows, columns]))

    def _publishers(self, id: str) -> dict:
        if id not in self._bodies:
            self._bodies[id] = {
                name: advertise_quietly(self._node, kind, f"{NAMESPACE}/{id}/{name}", RESULTS)
                for name, kind in self._kinds.items()
            }
        return self._bodies[id]

    def _drop(self, id: str) -> None:
        for publisher in self._bodies.pop(id).values():
            self._node.destroy_publisher(publisher)


def position_message(header: Header, track: PersonTrack) -> PointStamped:
    """Return where the body's frame is, m."""
    return PointStamped(header=header, point=track.pose.pose.position)


def velocity_message(header: Header, track: PersonTrack) -> TwistStamped:
    """Return the velocity, m/s; zero for somebody who stands."""
    msg = TwistStamped(header=header)
    msg.twist.linear.x, msg.twist.linear.y, msg.twist.linear.z = planned_velocity_m_s(track)
    return msg


def roi_message(messages, header: Header, person: PersonRoot, size_wh_px: tuple[int, int]):
    """Return the box as shares of the image, cut off at its border; c is the detector's score."""
    x0, y0, x1, y1 = _shares(person, size_wh_px)
    return messages.NormalizedRegionOfInterest2D(
        header=header, xmin=x0, ymin=y0, xmax=x1, ymax=y1, c=float(np.clip(person.score, 0.0, 1.0))
    )


def skeleton_message(messages, header: Header, person: PersonRoot, size_wh_px: tuple[int, int]):
    """Return the joints as shares of the image, None where the estimator gives no joints.

    What is not known or outside the image, eyes and ears among it, is 0, 0 with confidence 0.
    """
    if all(math.isnan(joint.u_px) for joint in person.keypoints):
        return None
    kind = messages.Skeleton2D
    msg = kind(header=header)
    joints = {name: _joint(person, name) for name in _SAME_JOINTS}
    sides = joints["LEFT_SHOULDER"], joints["RIGHT_SHOULDER"]
    joints["NECK"] = np.array([*np.mean(sides, axis=0)[:2], min(side[2] for side in sides)])
    for name, (u_px, v_px, confidence) in joints.items():
        x, y = (u_px + 0.5) / size_wh_px[0], (v_px + 0.5) / size_wh_px[1]
        if 0.0 <= x <= 1.0 and 0.0 <= y <= 1.0:
            point = messages.NormalizedPointOfInterest2D(x=float(x), y=float(y), c=float(confidence))
            msg.skeleton[getattr(kind, name)] = point
    return msg


def crop_slices(person: PersonRoot, size_wh_px: tuple[int, int]) -> tuple[slice, slice]:
    """Return rows and columns of the image that the box covers, at least one of each."""
    x0, y0, x1, y1 = _shares(person, size_wh_px)
    return _pixels(y0, y1, size_wh_px[1]), _pixels(x0, x1, size_wh_px[0])


def _pixels(low: float, high: float, count: int) -> slice:
    first = min(int(low * count), count - 1)
    return slice(first, max(math.ceil(high * count), first + 1))


def _joint(person: PersonRoot, name: str) -> np.ndarray:
    joint = person.keypoints[getattr(PersonRoot, name)]
    return np.array([joint.u_px, joint.v_px, joint.confidence])


def _shares(person: PersonRoot, size_wh_px: tuple[int, int]) -> list[float]:
    """Return xmin, ymin, xmax, ymax of the box over the image's size, 0 .. 1."""
    centre, size = person.box.center.position, (person.box.size_x, person.box.size_y)
    # Pixel centres are integers: the image starts at -0.5.
    middle = np.array([centre.x, centre.y]) + 0.5
    corners = np.concatenate([middle - np.divide(size, 2), middle + np.divide(size, 2)])
    return np.clip(corners / np.tile(size_wh_px, 2), 0.0, 1.0).tolist()
