"""A node that hands on people, tracks, camera and picture of the same image, for `hdnet view live`."""

from collections import OrderedDict
from collections.abc import Callable

from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from hdnet_ros.msg import PersonRootArray, PersonTrackArray
from hdnet_ros.ros.background_node import BackgroundNode
from hdnet_ros.ros.qos import RESULTS, SENSOR_DATA
from hdnet_ros.ros.tf_lookup import TfListener

_KEPT_IMAGES = 40


class ViewFeed:
    """Listens in a thread of its own until `close`.

    The tracks are those beside the persons, or, of a node with several cameras, one namespace above;
    the CameraInfo is the one beside the image. People wait for their tracks where somebody publishes these, at most until
    the next people come.

    Parameters
    ----------
    persons_topic, image_topic : an image topic that ends in /compressed is a CompressedImage
    push : called with PersonRootArray, PersonTrackArray or None, the (4, 4) from the camera's to the
        tracks' frame in m or None, CameraInfo or None, Image or None
    """

    def __init__(self, persons_topic: str, image_topic: str, push: Callable):
        self._push = push
        self._images: OrderedDict[tuple[int, int], Image | CompressedImage] = OrderedDict()
        self._waiting: PersonRootArray | None = None
        self._info: CameraInfo | None = None
        self._background = BackgroundNode("hdnet_view")
        self._node = self._background.node
        self._tf = TfListener(self._node)
        beside = persons_topic.rpartition("/")[0]
        self._tracks_topics = (f"{beside}/tracks", f"{beside.rpartition('/')[0]}/tracks")
        image_kind = CompressedImage if image_topic.endswith("/compressed") else Image
        info_topic = image_topic.removesuffix("/compressed").rpartition("/")[0] + "/camera_info"
        for kind, topic, callback, qos in (
            (image_kind, image_topic, self._on_image, SENSOR_DATA),
            (CameraInfo, info_topic, self._on_info, SENSOR_DATA),
            (PersonRootArray, persons_topic, self._on_persons, RESULTS),
            *((PersonTrackArray, topic, self._on_tracks, RESULTS) for topic in self._tracks_topics),
        ):
            self._node.create_subscription(kind, topic, callback, qos)
        self._background.start()

    def close(self) -> None:
        """Stop listening."""
        self._background.stop()
        self._tf.close()
        self._background.destroy()

    def _on_image(self, image: Image | CompressedImage) -> None:
        self._images[_stamp(image)] = image
        if len(self._images) > _KEPT_IMAGES:
            self._images.popitem(last=False)

    def _on_info(self, info: CameraInfo) -> None:
        self._info = info

    def _on_persons(self, persons: PersonRootArray) -> None:
        if self._waiting is not None:
            self._emit(self._waiting, None)
        self._waiting = persons
        if not any(self._node.count_publishers(topic) for topic in self._tracks_topics):
            self._emit(persons, None)

    def _on_tracks(self, tracks: PersonTrackArray) -> None:
        if self._waiting is not None and _stamp(self._waiting) == _stamp(tracks):
            self._emit(self._waiting, tracks)

    def _emit(self, persons: PersonRootArray, tracks: PersonTrackArray | None) -> None:
        self._waiting = None
        pose = None
        if tracks is not None:
            stamp = persons.header.stamp
            stamp_ns = stamp.sec * 1_000_000_000 + stamp.nanosec
            pose = self._tf(stamp_ns, persons.header.frame_id, tracks.header.frame_id)
        self._push(persons, tracks, pose, self._info, self._images.get(_stamp(persons)))


def _stamp(message) -> tuple[int, int]:
    return message.header.stamp.sec, message.header.stamp.nanosec

