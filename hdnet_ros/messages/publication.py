"""What is told about a scene, as messages in the order of their publication; for node and bag."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from hdnet_ros.core.skeleton import LINKS
from hdnet_ros.messages import convert
from hdnet_ros.messages.images import image_from_rgb
from hdnet_ros.messages.markers import MarkerPublisher
from hdnet_ros.messages.message_types import (
    Detection3DArray,
    Header,
    Image,
    Marker,
    MarkerArray,
    PersonRootArray,
    PersonTrackArray,
    TFMessage,
    Time,
    TransformStamped,
)
from hdnet_ros.messages.track_markers import TrackMarkers
from hdnet_ros.pipeline.scene import Scene

TF_TOPIC = "/tf"
_OF_A_CAMERA = {
    "persons": PersonRootArray,
    "detections_3d": Detection3DArray,
    "markers": MarkerArray,
    "overlay": Image,
}
_COMMON = {"tracks": PersonTrackArray, "markers": MarkerArray}
_TF_REMEMBERED_S = 10


class Publication:
    """Scenes as messages; remembers whom markers and TF showed.

    One camera has ~/persons, ~/detections_3d, ~/markers and ~/overlay; several have
    ~/<camera>/persons and so on. ~/tracks is one for all, as are the markers of tracks on ~/markers.

    Parameters
    ----------
    options : values of `HDNET_SETTINGS`, read anew for every scene
    estimator : its name
    cameras : names of the cameras; one that is empty stands for the only one
    """

    def __init__(self, options: Mapping[str, Any], estimator: str, cameras: Sequence[str] = ("",)):
        self._options = options
        self._estimator = estimator
        lifetime_s = options["marker_lifetime_s"]
        self._markers = {camera: MarkerPublisher(LINKS, lifetime_s) for camera in cameras}
        self._track_markers = TrackMarkers(lifetime_s)
        self._last_tf: dict[str, tuple[int, int]] = {}
        self._last_header = Header()
        self.topics: dict[str, type] = {f"~/{name}": kind for name, kind in _COMMON.items()}
        """Type of each topic; ~ is the node's name. TF is not among them."""
        for camera in cameras:
            self.topics |= {topic(camera, name): kind for name, kind in _OF_A_CAMERA.items()}

    def of(self, scene: Scene, with_overlay: bool = False) -> Iterator[tuple[str, Any]]:
        """Yield (topic, message) about one image, TF first so that the rest can be placed.

        Robots wait for people, nobody for what is shown of them: that is built when the rest is out.
        To be exhausted before the next scene.
        """
        shot, camera = scene.shot, scene.camera_name
        header = header_of(shot.stamp_ns, shot.frame_id)
        tracked_header = header_of(shot.stamp_ns, scene.frame)
        self._last_header = header
        fresh = self._fresh(self._transforms(scene, tracked_header))
        if fresh:
            yield TF_TOPIC, TFMessage(transforms=fresh)
        yield topic(camera, "persons"), convert.persons_to_msg(header, scene.people, self._estimator)
        yield "~/tracks", convert.tracks_to_msg(tracked_header, scene.tracks)
        boxes = convert.detections_3d_to_msg(header, scene.people, shot.camera)
        yield topic(camera, "detections_3d"), boxes
        yield from self._shown(scene, header, tracked_header)
        if with_overlay:
            yield topic(camera, "overlay"), _overlay(scene, header)

    def reset(self) -> list[tuple[str, Any]]:
        """Forget whom markers and TF showed; return (topic, message) that remove every marker."""
        gone = MarkerArray(markers=[Marker(header=self._last_header, action=Marker.DELETEALL)])
        for markers in self._markers.values():
            markers.delete_all(Header())
        self._track_markers.reset()
        self._last_tf = {}
        return [(name, gone) for name, kind in self.topics.items() if kind is MarkerArray]

    def _shown(self, scene: Scene, header: Header, tracked_header: Header) -> Iterator[tuple[str, Any]]:
        camera = scene.camera_name
        seen = convert.views_from_persons(scene.people, scene.shot.camera)
        markers = self._markers[camera].markers(header, seen)
        followed = convert.views_from_tracks(scene.tracks)
        of_tracks = self._track_markers.markers(tracked_header, followed, camera)
        if camera:
            yield topic(camera, "markers"), markers
            yield "~/markers", of_tracks
        else:
            yield "~/markers", MarkerArray(markers=markers.markers + of_tracks.markers)

    def _transforms(self, scene: Scene, tracked_header: Header) -> list[TransformStamped]:
        # tf2 takes a stamp of zero for "the latest" and refuses an empty parent.
        is_wanted = self._options["publish_tf"] and scene.is_followed
        if not (is_wanted and scene.frame and scene.shot.time_ns):
            return []
        prefix = self._options["tf_prefix"]
        if not self._options["tracking"]:
            return convert.transforms_from_persons(tracked_header, scene.people, prefix)
        pose = scene.camera_to_frame_mm
        camera_mm = np.zeros(3) if pose is None else pose[:3, 3]
        return convert.transforms_from_tracks(tracked_header, scene.tracks, prefix, camera_mm)

    def _fresh(self, transforms: list[TransformStamped]) -> list[TransformStamped]:
        # tf2 complains about the same frame at the same stamp, and several cameras see one person.
        fresh = [t for t in transforms if _stamp(t) > self._last_tf.get(t.child_frame_id, (0, 0))]
        self._last_tf |= {t.child_frame_id: _stamp(t) for t in fresh}
        newest_s = max((seconds for seconds, _ in self._last_tf.values()), default=0)
        self._last_tf = {
            name: stamp for name, stamp in self._last_tf.items() if stamp[0] > newest_s - _TF_REMEMBERED_S
        }
        return fresh


def topic(camera: str, name: str) -> str:
    """Return the topic of a camera's results; `camera` is empty for the only one."""
    return f"~/{camera}/{name}" if camera else f"~/{name}"


def header_of(stamp_ns: int, frame_id: str) -> Header:
    """Return a header of a stamp and a frame."""
    seconds, nanoseconds = divmod(stamp_ns, 1_000_000_000)
    return Header(stamp=Time(sec=seconds, nanosec=nanoseconds), frame_id=frame_id)


def _overlay(scene: Scene, header: Header) -> Image:
    from hdnet_ros.viz.overlay import draw_overlay

    people = [person.estimate for person in scene.people]
    return image_from_rgb(header, draw_overlay(scene.shot.image_rgb, people))


def _stamp(transform: TransformStamped) -> tuple[int, int]:
    return transform.header.stamp.sec, transform.header.stamp.nanosec
