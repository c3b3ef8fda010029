"""cohan_msgs/TrackedAgents on /tracked_agents, as CoHAN and its planner HATEB read it."""

from __future__ import annotations

from hdnet_ros.msg import PersonTrack, PersonTrackArray
from hdnet_ros.ros.planners.sink import OneTopic, message_classes
from hdnet_ros.ros.planners.tracks import planned_velocity_m_s, walks

TOPIC = "/tracked_agents"
_NAMES = ("TrackedAgents", "TrackedAgent", "TrackedSegment", "TrackedSegmentType", "AgentType")


class CohanSink(OneTopic):
    """Everybody who is followed as a human agent with one segment, the torso."""

    def __init__(self, node, logbook, options):
        self._messages = message_classes("cohan_msgs", *_NAMES)
        self._numbers = AgentNumbers()
        super().__init__(node, logbook, self._messages.TrackedAgents, TOPIC)

    def _message(self, told):
        return agents_message(self._messages, told.tracks, self._numbers)

    def _nobody(self, header):
        return self._messages.TrackedAgents(header=header)


class AgentNumbers:
    """Numbers from 1 on for ids, as CoHAN counts its agents; one is never given twice."""

    def __init__(self):
        self._numbers: dict[str, int] = {}
        self._given = 0

    def of(self, ids: list[str]) -> list[int]:
        """Return the numbers of everybody there is; those of others are forgotten."""
        known = {}
        for id in ids:
            number = self._numbers.get(id)
            if number is None:
                self._given += 1
                number = self._given
            known[id] = number
        self._numbers = known
        return [known[id] for id in ids]


def agents_message(messages, tracks: PersonTrackArray, numbers: AgentNumbers):
    """Return TrackedAgents with an agent per track; nobody gives an empty one.

    CoHAN plans on the floor: it takes x, y and the angle about z. Where the heading is not known
    the orientation is the unit quaternion, with the track's variance of 1e6 rad^2.
    """
    given = numbers.of([track.id for track in tracks.tracks])
    agents = [_agent(messages, track, number) for track, number in zip(tracks.tracks, given)]
    return messages.TrackedAgents(header=tracks.header, agents=agents)


def _agent(messages, track: PersonTrack, number: int):
    kind = messages.TrackedAgent
    agent = kind(track_id=number, name=track.id, type=messages.AgentType.HUMAN)
    agent.state = kind.MOVING if walks(track) else kind.STATIC
    torso = messages.TrackedSegment(type=messages.TrackedSegmentType.TORSO, pose=track.pose)
    torso.twist.covariance = track.velocity.covariance
    linear = torso.twist.twist.linear
    linear.x, linear.y, linear.z = planned_velocity_m_s(track)
    agent.segments = [torso]
    return agent
