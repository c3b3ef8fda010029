"""people_msgs/People on /people, as the social layers of costmaps read it."""

from __future__ import annotations

import math

from hdnet_ros.msg import PersonTrack, PersonTrackArray
from hdnet_ros.ros.planners.sink import OneTopic, message_classes
from hdnet_ros.ros.planners.tracks import (
    heading_rad,
    horizontal_sigma_m,
    planned_velocity_m_s,
    position_m,
    velocity_is_known,
)

TOPIC = "/people"


class PeopleSink(OneTopic):
    """Everybody who is followed, in the frame of ~/tracks.

    `reliability` is the detector's confidence; what else is known is in `tags` as numbers, named
    by `tagnames`: stature_m, child_probability, heading_rad, unseen_s, position_sigma_m, velocity_sigma_m_s. A tag
    that is not known is left out; heading and sigmas are those in the plane of x and y, and left
    out as well where people are followed in the camera's optical frame, whose z is no "up".
    """

    def __init__(self, node, logbook, options):
        self._messages = message_classes("people_msgs", "People", "Person")
        super().__init__(node, logbook, self._messages.People, TOPIC)

    def _message(self, told):
        is_upright = told.tracks.header.frame_id != told.persons.header.frame_id
        return people_message(self._messages, told.tracks, is_upright)

    def _nobody(self, header):
        return self._messages.People(header=header)


def people_message(messages, tracks: PersonTrackArray, is_upright: bool):
    """Return a People with a Person per track; nobody gives an empty one.

    `is_upright`: z of the tracks' frame is up.
    """
    people = [_person(messages, track, is_upright) for track in tracks.tracks]
    return messages.People(header=tracks.header, people=people)


def _person(messages, track: PersonTrack, is_upright: bool):
    person = messages.Person(name=track.id, reliability=float(track.score))
    point, velocity = person.position, person.velocity
    point.x, point.y, point.z = (float(value) for value in position_m(track))
    velocity.x, velocity.y, velocity.z = planned_velocity_m_s(track)
    for name, value in _tags(track, is_upright).items():
        if math.isfinite(value):
            person.tagnames.append(name)
            person.tags.append(f"{value:.3f}")
    return person


def _tags(track: PersonTrack, is_upright: bool) -> dict[str, float]:
    tags = {name: float(getattr(track, name)) for name in ("stature_m", "child_probability", "unseen_s")}
    if is_upright:
        tags["heading_rad"] = heading_rad(track)
        tags["position_sigma_m"] = horizontal_sigma_m(track.pose.covariance)
    if is_upright and velocity_is_known(track):
        tags["velocity_sigma_m_s"] = horizontal_sigma_m(track.velocity.covariance)
    return tags
