"""One person followed over time, and what is told about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hdnet_ros.core.heading import Heading
from hdnet_ros.tracking.heading_filter import HeadingFilter
from hdnet_ros.tracking.root_filter import VELOCITY, RootFilter
from hdnet_ros.tracking.root_noise import RootMeasurement, implied_stature_mm
from hdnet_ros.core.types import PersonEstimate, PersonFlags

# How fast the box of a person follows what they do: bending, sitting down.
_SIZE_MEMORY = 0.7
# A pelvis is in the middle of its box to within this share of the box's height.
BEARING_SIGMA = 0.05
# A heading that is less certain than this is none.
_HEADING_LIMIT_RAD = 1.0


@dataclass(frozen=True, eq=False)
class TrackedPerson:
    """One person of one picture with what tracking adds.

    `estimate.id` is the track's id. Velocity in mm/s over the tracking frame, turned into the
    camera's axes, with its (3, 3) covariance in (mm/s)^2; both are meaningless while
    `has_velocity` is False. `number` is unique to the track within a run (for marker ids);
    negative for somebody who is not tracked.
    """

    estimate: PersonEstimate
    number: int
    has_velocity: bool
    velocity_camera_mm_s: np.ndarray
    velocity_covariance_mm2_s2: np.ndarray


def somebodies(persons: Sequence[TrackedPerson]) -> list[TrackedPerson]:
    """Return those whom the tracker did not take for nobody."""
    return [person for person in persons if not person.estimate.flags & PersonFlags.NOBODY]


@dataclass(frozen=True, eq=False)
class TrackState:
    """What is known about a person at the moment of a picture, seen in it or not.

    Parameters
    ----------
    id, number : as in TrackedPerson
    position_mm, velocity_mm_s : (3,) tracking frame
    covariance : (6, 6) over both
    is_moving : whether the velocity can be told from zero
    up : (3,) unit vector of the frame that points up
    facing : (3,) horizontal unit vector to where the person faces, None where unknown
    heading_sigma_rad : one standard deviation of it about the vertical, NaN without one
    age_s, unseen_s : since the first and the last sighting by any camera, at least 0
    person_index : index in the picture's persons, -1 where they are not in it
    score, existence, flags : of the last sighting
    stature_mm : mean over the sightings whose box holds the whole person, NaN without one
    child_probability : mean over the sightings, NaN where no estimator says
    """

    id: str
    number: int
    position_mm: np.ndarray
    velocity_mm_s: np.ndarray
    covariance: np.ndarray
    is_moving: bool
    up: np.ndarray
    facing: np.ndarray | None
    heading_sigma_rad: float
    age_s: float
    unseen_s: float
    person_index: int
    score: float
    stature_mm: float
    flags: PersonFlags
    existence: float = 1.0
    child_probability: float = np.nan


class _Mean:
    """Of the values so far that are finite; NaN without any."""

    def __init__(self):
        self._sum, self._count = 0.0, 0

    def add(self, value: float) -> None:
        if np.isfinite(value):
            self._sum += value
            self._count += 1

    @property
    def value(self) -> float:
        return self._sum / self._count if self._count else np.nan


class Track:
    """A person who is followed.

    Parameters
    ----------
    id, number : from an IdSource
    filter, heading : fresh ones
    stamp_ns : of the first sighting
    """

    def __init__(
        self, id: str, number: int, filter: RootFilter, heading: HeadingFilter, stamp_ns: int
    ):
        self.id = id
        self.number = number
        self.filter = filter
        self.heading = heading
        self.detector_names: dict[str, str] = {}  # by camera
        self.seen_by: dict[str, int] = {}  # stamp of the last sighting, by camera
        self.sightings = 0
        self.first_ns = self.seen_ns = stamp_ns
        self._score = 0.0
        self._existence = 1.0
        self._flags = PersonFlags.NONE
        self._log_height = np.nan
        self._stature_mm, self._child_probability = _Mean(), _Mean()

    def predict(self, stamp_ns: int) -> None:
        """Move on to a stamp, not back."""
        self.heading.predict(max(0, stamp_ns - self.filter.stamp_ns) * 1e-9)
        self.filter.predict(stamp_ns)

    def see(
        self,
        person: PersonEstimate,
        measurement: RootMeasurement,
        stamp_ns: int,
        heading: Heading | None,
        least_speed_mm_s: float,
    ) -> None:
        """Take a sighting in; the heading is a skeleton's, in the tracking frame."""
        if self.sightings:
            self.filter.correct(measurement, (self.filter.stamp_ns - stamp_ns) * 1e-9)
        self.sightings += 1
        self.seen_ns = max(self.seen_ns, stamp_ns)
        self.seen_by[measurement.camera] = stamp_ns
        self._score, self._existence = person.score, person.existence
        self._flags = person.flags & ~PersonFlags.UNTRACKED_ID
        self._remember_height(measurement)
        self._stature_mm.add(implied_stature_mm(person))
        self._child_probability.add(person.child_probability)
        if heading is not None:
            self.heading.see_facing(heading.forward, heading.sigma_rad)
        if self.filter.is_moving(least_speed_mm_s):
            covariance = self.filter.covariance[VELOCITY, VELOCITY]
            self.heading.see_motion(self.filter.velocity_mm_s, covariance)

    def is_sound(self) -> bool:
        """Say whether position and velocity are finite, with covariances that are a covariance's."""
        covariance = self.filter.covariance
        numbers = (self.filter.position_mm, self.filter.velocity_mm_s, covariance)
        return all(np.isfinite(values).all() for values in numbers) and bool((np.diag(covariance) > 0.0).all())

    def adopt(self, double: Track) -> None:
        """Take over what another track of the same person knew of its cameras."""
        self.detector_names |= double.detector_names
        self.seen_ns = max(self.seen_ns, double.seen_ns)
        self.sightings += double.sightings

    def height_surprises(self, measurements: Sequence[RootMeasurement]) -> np.ndarray:
        """Return (N,) the log of how much higher boxes of one picture are than this person's would
        be; NaN: unknown.

        Boxes say little about how far away somebody is, and much about whether it is the same
        person: what is wrong with the distance was as wrong before.
        """
        range_mm = np.linalg.norm(self.filter.position_mm - measurements[0].camera_mm)
        sizes = np.array([measurement.size for measurement in measurements])
        return np.log(sizes * range_mm) - self._log_height

    def bearing_surprises(self, measurements: Sequence[RootMeasurement]) -> np.ndarray:
        """Return (N,) how many sigma boxes of one picture are beside where this person's would be;
        NaN: unknown."""
        sizes = np.array([measurement.size for measurement in measurements])
        known = np.isfinite(sizes) & [m.bearing is not None for m in measurements]
        surprises = np.full(len(measurements), np.nan)
        if not known.any():
            return surprises
        ray_mm = self.filter.position_mm - measurements[0].camera_mm
        range_mm = np.linalg.norm(ray_mm)
        bearings = np.array([m.bearing for m, is_known in zip(measurements, known) if is_known])
        beside = bearings - ray_mm / range_mm
        across = np.eye(3) - np.outer(ray_mm, ray_mm) / range_mm**2
        spread = across @ self.filter.covariance[:3, :3] @ across / range_mm**2
        box = (BEARING_SIGMA * sizes[known]) ** 2
        spreads = spread + box[:, None, None] * np.eye(3)
        weighed = np.linalg.solve(spreads, beside[..., None])[..., 0]
        surprises[known] = np.sqrt(np.sum(beside * weighed, axis=1))
        return surprises

    def _remember_height(self, measurement: RootMeasurement) -> None:
        (surprise,) = self.height_surprises([measurement])
        if np.isfinite(surprise):
            self._log_height += (1.0 - _SIZE_MEMORY) * surprise
        elif np.isfinite(measurement.size) and np.isnan(self._log_height):
            self._log_height = 0.0
            (self._log_height,) = self.height_surprises([measurement])

    def state(self, stamp_ns: int, person_index: int, least_speed_mm_s: float) -> TrackState:
        """Return what is known at a stamp, not later than the filter's."""
        position_mm, covariance = self.filter.before((self.filter.stamp_ns - stamp_ns) * 1e-9)
        has_heading = self.heading.sigma_rad < _HEADING_LIMIT_RAD
        return TrackState(
            id=self.id,
            number=self.number,
            position_mm=position_mm,
            velocity_mm_s=self.filter.velocity_mm_s,
            covariance=covariance,
            is_moving=self.filter.is_moving(least_speed_mm_s),
            up=self.heading.up,
            facing=self.heading.facing if has_heading else None,
            heading_sigma_rad=self.heading.sigma_rad if has_heading else np.nan,
            age_s=max(0, stamp_ns - self.first_ns) * 1e-9,
            unseen_s=max(0, stamp_ns - self.seen_ns) * 1e-9 if person_index < 0 else 0.0,
            person_index=person_index,
            score=self._score,
            stature_mm=self._stature_mm.value,
            flags=self._flags,
            existence=self._existence,
            child_probability=self._child_probability.value,
        )
