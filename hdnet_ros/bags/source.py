"""A recording as the messages that the node takes: rosbag2 (MCAP, sqlite3) or ROS 1."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from hdnet_ros.bags.errors import BagError
from hdnet_ros.bags.older_messages import ALIASES, strip_slashes
from hdnet_ros.bags.storage import Topic, open_storage, told
from hdnet_ros.bags.transforms import TransformTree
from hdnet_ros.tracking.track_ids import public_id
from hdnet_ros.messages.message_types import (
    CameraInfo,
    CompressedImage,
    Detection2DArray,
    Header,
    Image,
    PersonRootArray,
    TFMessage,
)
from hdnet_ros.messages.detection_types import as_detection_2d_array, short_name
from hdnet_ros.pipeline.detection_types import DETECTION_TYPES
from hdnet_ros.messages.plain_messages import from_stored

_CLASSES = {
    "sensor_msgs/msg/Image": Image,
    "sensor_msgs/msg/CompressedImage": CompressedImage,
    "sensor_msgs/msg/CameraInfo": CameraInfo,
    "vision_msgs/msg/Detection2DArray": Detection2DArray,
    "hdnet_ros/msg/PersonRootArray": PersonRootArray,
    "tf2_msgs/msg/TFMessage": TFMessage,
    "tf/msg/tfMessage": TFMessage,
}
_ROLE_TYPES = {
    "image": ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"),
    "camera_info": ("sensor_msgs/msg/CameraInfo",),
    "detections": tuple(name.replace("/", "/msg/") for name in DETECTION_TYPES),
    "persons": ("hdnet_ros/msg/PersonRootArray",),
}
_TF_TOPICS = {"/tf": "tf", "/tf_static": "tf_static"}
# Pictures that are no camera's: what the node draws, and depth in PNG.
_NO_CAMERA = ("/overlay", "/compressedDepth")
# Ids that the node makes up, by itself or of a detector's (tracking/track_ids.py).
_GIVEN_ID = re.compile(r"[pu][0-9]+|d[0-9]{1,15}|x[0-9a-f]{8}")


@dataclass(frozen=True)
class Topics:
    """Topic of each input; empty: the only one of its type, or the one beside the image's."""

    image: str = ""
    camera_info: str = ""
    detections: str = ""
    persons: str = ""


class Recorded(NamedTuple):
    """A message with the time it was recorded at, and what it is: a field of Topics, tf or tf_static."""

    time_ns: int
    role: str
    message: Any


class BagSource:
    """A recording that is open.

    Parameters
    ----------
    path : folder of a rosbag2, its .mcap or .db3, or a ROS 1 .bag
    topics : what to take; roles that the recording lacks are left out of `topics`
    roles : which of image, camera_info, detections, persons are wanted

    Attributes
    ----------
    topics : role to topic, tf and tf_static included
    unreadable : messages that could not be decoded so far, and the first reason

    Raises
    ------
    BagError : not a recording, a damaged one, a topic that is not there, or several to choose from
    """

    def __init__(
        self, path: str | Path, topics: Topics | None = None,
        roles: tuple[str, ...] = ("image", "camera_info", "detections"),
    ):  # fmt: skip
        self.path = Path(path)
        self.unreadable: tuple[int, str] = (0, "")
        self._storage = open_storage(self.path)
        try:
            self.topics = _choose(self.path, self._storage.counts, topics or Topics(), roles)
        except BagError:
            self._storage.close()
            raise

    def __enter__(self) -> BagSource:
        return self

    def __exit__(self, *_) -> None:
        self._storage.close()

    @property
    def problems(self) -> list[str]:
        """What of the recording could not be read so far, a sentence each."""
        return self._storage.problems

    def count(self, role: str) -> int:
        """Return how many messages of a role there are; 0 where the recording lacks it."""
        return sum(self._storage.counts[topic] for topic in self._wanted((role,)))

    def note(self, key: str) -> str:
        """Return what `OutputBag` noted under a key; empty where nothing was."""
        return self._storage.notes.get(key, "")

    def messages(self, *roles: str) -> Iterator[Recorded]:
        """Yield messages of these roles (none: of all) as they were recorded.

        A message that cannot be decoded is counted and left out; where the recording is damaged it
        ends early, see `problems`.
        """
        wanted = self._wanted(roles or tuple(self.topics))
        role_of = {topic: role for role, topic in self.topics.items()}
        for stored in self._storage.messages(wanted) if wanted else ():
            message = self._decoded(stored.data, stored.topic.type)
            if message is not None:
                yield Recorded(stored.time_ns, role_of[stored.topic.name], message)

    def first(self, role: str) -> Any | None:
        """Return the first message of a role, None where there is none."""
        return next((recorded.message for recorded in self.messages(role)), None)

    def transforms(self, tf_prefix: str) -> TransformTree:
        """Return the recording's TF but people whom hdnet_node published with a prefix before.

        Those are on /tf, nothing hangs below them and no camera is one, and their names are the
        prefix and an id. After an empty prefix only ids count that the node makes up, not those
        that a detector gave.
        """
        found: dict[str, list] = {"tf": [], "tf_static": []}
        for recorded in self.messages(*found):
            found[recorded.role] += recorded.message.transforms
        moving, fixed = found["tf"], found["tf_static"]
        robot = {_child(item) for item in fixed}
        robot.update(_parent(item) for item in (*moving, *fixed))
        camera = self.first("camera_info") or self.first("image")
        robot.update([_parent(camera)] if camera else [])
        prefix = tf_prefix.lstrip("/")
        kept = [t for t in moving if _child(t) in robot or not _is_person(_child(t), prefix)]
        return TransformTree(kept, fixed)

    def _decoded(self, data: bytes, type_name: str) -> Any | None:
        try:
            stored = self._storage.deserialize(data, type_name)
            if type_name in _CLASSES:
                message = from_stored(stored, _CLASSES[type_name], ALIASES)
            else:
                header = from_stored(stored.header, Header, ALIASES)
                message = as_detection_2d_array(stored, short_name(type_name), header)
        except Exception as error:  # as above
            number, first = self.unreadable
            self.unreadable = (number + 1, first or f"{type_name}: {told(error)}")
            return None
        if self._storage.is_ros1:
            strip_slashes(message)
        return message

    def _wanted(self, roles: tuple[str, ...]) -> set[Topic]:
        """Return the topics of roles, each with the types that make it that role's; it may have others."""
        return {
            topic
            for topic in self._storage.counts
            for role in roles
            if topic.name == self.topics.get(role) and topic.type in _kinds_of(role)
        }


def transforms_of(message: TFMessage, frames: Collection[str]) -> list:
    """Return the transforms of a message that place one of these frames."""
    return [item for item in message.transforms if _child(item) in frames]


def _child(transform: Any) -> str:
    return transform.child_frame_id.lstrip("/")


def _parent(message: Any) -> str:
    return message.header.frame_id.lstrip("/")


def _is_person(frame: str, prefix: str) -> bool:
    """Say whether hdnet_node could have given a frame its name."""
    if not frame.startswith(prefix):
        return False
    id = frame.removeprefix(prefix)
    return bool(_GIVEN_ID.fullmatch(id) or (prefix and public_id(id) == id))


def _kinds_of(role: str) -> Collection[str]:
    return _ROLE_TYPES.get(role, ("tf2_msgs/msg/TFMessage", "tf/msg/tfMessage"))


def _choose(path: Path, there: Collection[Topic], wanted: Topics, roles) -> dict[str, str]:
    """Return the topic of each role that the recording has."""
    chosen: dict[str, str] = {}
    for role in roles:
        topic = _topic_of(path, there, role, getattr(wanted, role), chosen.get("image", ""))
        if topic:
            chosen[role] = topic
    names = {topic.name for topic in there if topic.type in _kinds_of("tf")}
    chosen.update({role: name for name, role in _TF_TOPICS.items() if name in names})
    return chosen


def _topic_of(path: Path, there: Collection[Topic], role: str, wanted: str, image: str) -> str:
    kinds = _ROLE_TYPES[role]
    fitting = [topic for topic in there if topic.type in kinds and not topic.name.endswith(_NO_CAMERA)]
    candidates = sorted({topic.name for topic in fitting})
    option = f"--{role.replace('_', '-')}-topic"
    if wanted:
        if not any(topic.name == wanted and topic.type in kinds for topic in there):
            raise BagError(
                f"{path}: {option} {wanted}: no such topic of type {' or '.join(kinds)}; "
                f"there are {', '.join(candidates) or 'none'}"
            )
        return wanted
    # Where boxes are there in several kinds of messages, the standard one counts.
    standard = sorted({topic.name for topic in fitting if topic.type == kinds[0]})
    candidates = standard if role == "detections" and standard else candidates
    # A picture that is there raw and compressed counts once.
    raw = set(candidates)
    candidates = [
        t for t in candidates if not (t.endswith("/compressed") and t.removesuffix("/compressed") in raw)
    ]
    if len(candidates) > 1 and image:
        candidates = [t for t in candidates if _namespace(t) == _namespace(image)] or candidates
    if len(candidates) > 1:
        raise BagError(f"{path}: several topics of {role}: {', '.join(candidates)}; choose by {option}")
    return candidates[0] if candidates else ""


def _namespace(topic: str) -> str:
    return topic.removesuffix("/compressed").rpartition("/")[0]

