"""RViz markers of people: root sphere, skeleton, id and distance, sigma along the ray."""

import colorsys
from collections.abc import Sequence

import numpy as np

from hdnet_ros.messages.message_types import (
    ColorRGBA,
    Header,
    Marker,
    MarkerArray,
    Point,
    Vector3,
    duration,
)
from hdnet_ros.messages.views import PersonView

NAMESPACES = ("root", "skeleton", "label", "sigma")
ROOT_DIAMETER_M = 0.25
BONE_M = 0.04
SIGMA_LINE_M = 0.03
TEXT_HEIGHT_M = 0.3
TEXT_ABOVE_ROOT_M = 1.1
_GOLDEN_RATIO = 0.618033988749895


class MarkerPublisher:
    """Build the markers of each image; remember whom to delete.

    A person has one marker in each of four namespaces; its id is the track's number, so it
    stays the same while the person is seen.

    Parameters
    ----------
    links : pairs of joint indices that are drawn as bones
    lifetime_s : after this long without news RViz drops a marker by itself; 0: never
    """

    def __init__(self, links: Sequence[tuple[int, int]], lifetime_s: float):
        self.links = tuple(links)
        self.lifetime_s = lifetime_s
        self._shown: set[tuple[str, int]] = set()

    def markers(self, header: Header, people: Sequence[PersonView]) -> MarkerArray:
        """Return markers of these people, and DELETE for those shown before and not now."""
        array = MarkerArray()
        for person in people:
            array.markers += self._markers_of(header, person)
        now = {(marker.ns, marker.id) for marker in array.markers}
        for name, number in sorted(self._shown - now):
            gone = Marker(header=header, ns=name, id=number, action=Marker.DELETE)
            array.markers.append(gone)
        self._shown = now
        return array

    def delete_all(self, header: Header) -> MarkerArray:
        """Return the one marker that removes everything."""
        self._shown = set()
        return MarkerArray(markers=[Marker(header=header, action=Marker.DELETEALL)])

    def _markers_of(self, header: Header, person: PersonView) -> list[Marker]:
        made = [self._root(header, person), self._label(header, person)]
        made.append(self._sigma(header, person))
        bones = self._skeleton(header, person)
        return [*made, bones] if bones.points else made

    def _marker(self, header: Header, name: str, kind: int, person: PersonView) -> Marker:
        return marker_of(header, name, kind, person.number, self.lifetime_s)

    def _root(self, header: Header, person: PersonView) -> Marker:
        marker = self._marker(header, "root", Marker.SPHERE, person)
        marker.pose.position = _point(person.root_m)
        marker.scale = Vector3(x=ROOT_DIAMETER_M, y=ROOT_DIAMETER_M, z=ROOT_DIAMETER_M)
        return marker

    def _label(self, header: Header, person: PersonView) -> Marker:
        marker = self._marker(header, "label", Marker.TEXT_VIEW_FACING, person)
        above = np.array([0.0, -TEXT_ABOVE_ROOT_M, 0.0])  # up is -y in an optical frame
        marker.pose.position = _point(person.root_m + above)
        marker.scale.z = TEXT_HEIGHT_M
        marker.color = ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0)
        marker.text = f"{person.id}  {np.linalg.norm(person.root_m):.1f} m"
        return marker

    def _sigma(self, header: Header, person: PersonView) -> Marker:
        """Return a line from one sigma before the root to one behind it, along its ray."""
        marker = self._marker(header, "sigma", Marker.LINE_STRIP, person)
        marker.scale.x = SIGMA_LINE_M
        share = person.depth_sigma_m / person.root_m[2]
        marker.points = [_point(person.root_m * (1 - share)), _point(person.root_m * (1 + share))]
        return marker

    def _skeleton(self, header: Header, person: PersonView) -> Marker:
        marker = self._marker(header, "skeleton", Marker.LINE_LIST, person)
        marker.scale.x = BONE_M
        known = np.isfinite(person.joints_m).all(axis=1)
        for first, second in self.links:
            if known[first] and known[second]:
                marker.points += [_point(person.joints_m[first]), _point(person.joints_m[second])]
        return marker


def marker_of(header: Header, name: str, kind: int, number: int, lifetime_s: float) -> Marker:
    """Return a marker of somebody, in their colour and without a size yet."""
    marker = Marker(header=header, ns=name, id=number, type=kind, action=Marker.ADD)
    marker.pose.orientation.w = 1.0
    marker.color = colour_of(number)
    marker.lifetime = duration(lifetime_s)
    return marker


def colour_of(number: int) -> ColorRGBA:
    """Return a colour that differs clearly between neighbouring numbers."""
    red, green, blue = colorsys.hsv_to_rgb(number * _GOLDEN_RATIO % 1.0, 0.75, 1.0)
    return ColorRGBA(r=red, g=green, b=blue, a=0.9)


def _point(point_m: np.ndarray) -> Point:
    x, y, z = (float(value) for value in point_m)
    return Point(x=x, y=y, z=z)
