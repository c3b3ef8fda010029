"""People kept apart from picture to picture, in a frame that does not move with the camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from hdnet_ros.tracking.assignment import assign
from hdnet_ros.core.heading import Heading, heading_of
from hdnet_ros.tracking.heading_filter import HeadingFilter
from hdnet_ros.tracking.root_filter import VELOCITY, RootFilter
from hdnet_ros.tracking.root_noise import RootMeasurement, hidden_shares, root_measurement
from hdnet_ros.tracking.track import Track, TrackedPerson, TrackState
from hdnet_ros.tracking.track_ids import IdSource, detector_names
from hdnet_ros.tracking.track_merge import TrackMerger
from hdnet_ros.core.types import NUMERIC_ERRORS, PersonEstimate, PersonFlags

# A picture that is older than the newest by more than this says nothing about where people are.
LATE_LIMIT_NS = 500_000_000
_MOST_FRAMES = 32
# Of people in the synthetic hold-out 0.7 % are less certainly there than this, of boxes of nobody 95 %.
MIN_EXISTENCE = 0.5
# Ahead and up of a tracking frame (REP-103) and of a camera's optical frame.
_TRACKING_AXES = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
_OPTICAL_AXES = np.array([0.0, 0.0, 1.0]), np.array([0.0, -1.0, 0.0])


@dataclass(frozen=True)
class TrackerConfig:
    """What decides whether two sightings are one person, and how people move.

    Parameters
    ----------
    enabled : bool
        False: no association; ids are those of the detector or count within the picture.
    gate_sigmas : float
        Largest Mahalanobis distance between prediction and sighting. 4 keeps 99.9 % of the true
        pairs when the sigmas are right.
    keep_s : float
        A track unseen for longer than this is forgotten, and its id with it.
    birth_sightings : int
        Sightings before somebody is told among the tracks; 1 also tells every false box.
    walk_density_mm2_s3 : float
        White acceleration: speeds change by 250 mm/s within a second. On the real clip 300 makes
        the velocity's covariance too large and hides that people walk, 200 loses more ids.
    speed_sigma_mm_s : float
        Standard deviation of the velocity of somebody just seen for the first time.
    vertical_share : float
        Vertical acceleration and speed over horizontal, where the tracking frame tells what is up:
        people walk on floors, and on stairs.
    least_speed_mm_s : float
        Below this nobody walks; people who stand sway and shift their weight.
    velocity_after_sightings : int
        Sightings before a velocity is worth telling.
    min_existence : float
        0..1; who is less certainly there is nobody: neither followed nor told but by a flag.
    """

    enabled: bool = True
    gate_sigmas: float = 4.0
    keep_s: float = 2.0
    birth_sightings: int = 2
    walk_density_mm2_s3: float = 250.0**2
    speed_sigma_mm_s: float = 1500.0
    vertical_share: float = 0.25
    least_speed_mm_s: float = 250.0
    velocity_after_sightings: int = 3
    min_existence: float = MIN_EXISTENCE

    def __post_init__(self):
        for name, value in vars(self).items():
            if name not in ("enabled", "min_existence") and not (np.isfinite(value) and value > 0):
                raise ValueError(
                    f"TrackerConfig.{name} is {value}, expected a finite number above 0"
                )
        if not 0.0 <= self.min_existence <= 1.0:
            raise ValueError(f"TrackerConfig.min_existence is {self.min_existence}, expected 0 to 1")


class _Sighting(NamedTuple):
    """A person of one image whom a filter can take."""

    place: int  # among the image's persons
    person: PersonEstimate
    measurement: RootMeasurement
    name: str  # the detector's id, empty without


class PersonTracker:
    """Follow everybody whom the cameras of one tracking frame see.

    Ids are short, start with a letter and are never given twice by one IdSource, `reset` included.
    A detector's id is kept (made fit for a TF frame's name) where it was never given before.

    Parameters
    ----------
    config : TrackerConfig, optional
    ids : IdSource, optional
        Shared where several trackers publish people of one run.
    """

    def __init__(self, config: TrackerConfig | None = None, ids: IdSource | None = None):
        self.config = config or TrackerConfig()
        self._ids = ids or IdSource()
        self.reset()

    def reset(self) -> None:
        """Forget everybody, and how late it is; ids are not started over."""
        self._tracks: list[Track] = []
        self._index: dict[str, int] = {}
        self._newest_ns = 0  # 0: nothing came yet
        self._last_ns: dict[str, int] = {}
        self._merger = TrackMerger()

    def update(
        self,
        stamp_ns: int,
        persons: Sequence[PersonEstimate],
        camera_to_tracking: np.ndarray | None = None,
        camera: str = "",
    ) -> list[TrackedPerson]:
        """Return the persons of one picture in the same order with ids and velocities.

        Who is less certainly there than `min_existence` is flagged NOBODY and not followed.
        A picture that is not newer than the camera's last one, or half a second older than another
        camera's newest, moves nobody: people are recognised where they are, and strangers get an
        id of this picture only. After a clock was set back call `reset`.

        Parameters
        ----------
        stamp_ns : int
            Stamp of the picture.
        persons : sequence of PersonEstimate
            May be empty. A non-empty `id` is taken as a track id of the camera's detector.
        camera_to_tracking : (4, 4) array, optional
            Pose of the camera at the stamp, mm, in a frame whose z is up (REP-103). None: people
            are followed in the camera's optical frame.
        camera : str
            Which of several cameras it is.
        """
        if not self.config.enabled:
            return self.untracked(persons)
        there = [i for i, person in enumerate(persons) if not self._is_nobody(person)]
        followed = self._followed(
            stamp_ns, [persons[i] for i in there], camera_to_tracking, camera
        )
        self._index = {id: there[i] for id, i in self._index.items()}
        tracked = dict(zip(there, followed))
        return [
            tracked.get(i) or _untracked(self._judged(person), "", i)
            for i, person in enumerate(persons)
        ]

    def _is_nobody(self, person: PersonEstimate) -> bool:
        return person.existence < self.config.min_existence

    def _judged(self, person: PersonEstimate) -> PersonEstimate:
        """The person, flagged where it is nobody."""
        if not self._is_nobody(person):
            return person
        return replace(person, flags=person.flags | PersonFlags.NOBODY)

    def _followed(
        self, stamp_ns: int, persons: list[PersonEstimate], camera_to_tracking, camera: str
    ) -> list[TrackedPerson]:
        """Everybody who is there with ids and velocities."""
        names = detector_names(persons)
        axes = _OPTICAL_AXES if camera_to_tracking is None else _TRACKING_AXES
        pose = np.eye(4) if camera_to_tracking is None else camera_to_tracking
        sightings = [
            _Sighting(i, person, measurement, names[i])
            for i, (person, hidden) in enumerate(zip(persons, hidden_shares(persons)))
            if (measurement := _measured(person, pose, camera, hidden)) is not None
        ]
        with np.errstate(all="ignore"):
            if self._is_out_of_order(stamp_ns, camera):
                tracks = self._assigned(sightings, camera, 0.0)
            else:
                tracks = self._follow(stamp_ns, sightings, camera, pose, axes)
        found = {sighting.place: track for sighting, track in zip(sightings, tracks) if track is not None}
        self._index = {track.id: i for i, track in found.items()}
        return [
            self._tracked(person, found[i], pose) if i in found else _untracked(person, "", i)
            for i, person in enumerate(persons)
        ]

    def untracked(self, persons: Sequence[PersonEstimate]) -> list[TrackedPerson]:
        """Return persons with ids that count within their picture only, or those of the detector
        where nobody is followed."""
        names = [""] * len(persons) if self.config.enabled else detector_names(persons)
        return [_untracked(self._judged(p), names[i], i) for i, p in enumerate(persons)]

    def coast(self, stamp_ns: int) -> None:
        """Move everybody on to a stamp of which no sighting can be used."""
        self._index = {}
        if not self._newest_ns or stamp_ns > self._newest_ns:
            self._predict(stamp_ns)

    def tracks(self, stamp_ns: int = 0) -> list[TrackState]:
        """Return everybody who was seen often enough, oldest first, where they are at a stamp.

        Parameters
        ----------
        stamp_ns : int
            That of the last `update` or `coast`, which may be older than another camera's newest;
            0: the newest.
        """
        config = self.config
        told = [track for track in self._tracks if track.sightings >= config.birth_sightings]
        told.sort(key=lambda track: (track.first_ns, track.number))
        at_ns = min(stamp_ns or self._newest_ns, self._newest_ns) if told else 0
        return [
            track.state(at_ns, self._index.get(track.id, -1), config.least_speed_mm_s)
            for track in told
        ]

    def _is_out_of_order(self, stamp_ns: int, camera: str) -> bool:
        if stamp_ns <= self._last_ns.get(camera, -1):
            return True
        return bool(self._newest_ns) and self._newest_ns - stamp_ns > LATE_LIMIT_NS

    def _assigned(self, sightings: Sequence[_Sighting], camera: str, delay_s: float) -> list[Track | None]:
        measurements = [sighting.measurement for sighting in sightings]
        names = [sighting.name for sighting in sightings]
        return assign(self._tracks, measurements, names, camera, self.config.gate_sigmas, delay_s)

    def _follow(
        self, stamp_ns: int, sightings: Sequence[_Sighting], camera: str, pose: np.ndarray, axes
    ) -> list[Track | None]:
        """Return the track of every sighting after predicting, assigning and correcting.

        None for one that a filter cannot take: whoever it is stays as they were.
        """
        self._last_ns[camera] = stamp_ns
        self._predict(stamp_ns)
        found = self._assigned(sightings, camera, (self._newest_ns - stamp_ns) * 1e-9)
        for i, sighting in enumerate(sightings):
            try:
                track = found[i] or self._start(stamp_ns, sighting.measurement, sighting.name, axes)
                heading = _heading(sighting.person, pose, axes[1])
                track.see(sighting.person, sighting.measurement, stamp_ns, heading, self.config.least_speed_mm_s)
            except NUMERIC_ERRORS:
                found[i] = None
                continue
            found[i] = track
            if sighting.name:
                track.detector_names[camera] = sighting.name
        self._tracks = [track for track in self._tracks if track.sightings and track.is_sound()]
        found = [track if track in self._tracks else None for track in found]
        if len(self._last_ns) > 1:
            self._tracks = self._merger.merge(self._tracks, self._newest_ns)
        return found

    def _predict(self, stamp_ns: int) -> None:
        """Move everybody to the newest stamp and forget whom nobody has seen for too long."""
        self._newest_ns = max(stamp_ns, self._newest_ns or stamp_ns)
        keep_ns = self.config.keep_s * 1e9
        self._tracks = [t for t in self._tracks if self._newest_ns - t.seen_ns <= keep_ns]
        for track in self._tracks:
            track.predict(self._newest_ns)

    def _start(self, stamp_ns: int, measurement: RootMeasurement, name: str, axes) -> Track:
        id, number = self._ids.take(name)
        config = self.config
        directions = np.eye(3)
        if axes is _TRACKING_AXES:
            directions[2, 2] = config.vertical_share**2
        root = RootFilter(
            measurement,
            stamp_ns,
            config.speed_sigma_mm_s**2 * directions,
            config.walk_density_mm2_s3 * directions,
        )
        track = Track(id, number, root, HeadingFilter(*axes), stamp_ns)
        track.predict(self._newest_ns)
        self._tracks.append(track)
        return track

    def _tracked(self, person: PersonEstimate, track: Track, pose: np.ndarray) -> TrackedPerson:
        rotation = pose[:3, :3]
        covariance = track.filter.covariance[VELOCITY, VELOCITY]
        return TrackedPerson(
            estimate=replace(person, id=track.id, flags=person.flags & ~PersonFlags.UNTRACKED_ID),
            number=track.number,
            has_velocity=track.sightings >= self.config.velocity_after_sightings,
            velocity_camera_mm_s=rotation.T @ track.filter.velocity_mm_s,
            velocity_covariance_mm2_s2=rotation.T @ covariance @ rotation,
        )


class Trackers:
    """One tracker for each frame that people are followed in; ids are unique across all.

    Parameters
    ----------
    config : of every tracker
    ids : IdSource, optional
        Of trackers that there were before in the same run.
    """

    def __init__(self, config: TrackerConfig | None = None, ids: IdSource | None = None):
        self._config = config
        self._ids = ids or IdSource()
        self._by_frame: dict[str, PersonTracker] = {}

    def of(self, frame: str) -> PersonTracker:
        """Return the tracker of a frame; it knows nobody the first time."""
        if frame not in self._by_frame:
            # Frames that change all the time are somebody's mistake, and must not fill the memory.
            while len(self._by_frame) >= _MOST_FRAMES:
                del self._by_frame[next(iter(self._by_frame))]
            self._by_frame[frame] = PersonTracker(self._config, self._ids)
        return self._by_frame[frame]

    def reset(self) -> None:
        """Forget everybody; ids are not started over."""
        self._by_frame = {}


def _measured(
    person: PersonEstimate, pose: np.ndarray, camera: str, hidden_share: float
) -> RootMeasurement | None:
    """Return a person as a filter takes them; None where their numbers are beyond it."""
    try:
        with np.errstate(all="ignore"):
            return root_measurement(person, pose, camera, hidden_share)
    except NUMERIC_ERRORS:
        return None


def _heading(person: PersonEstimate, pose: np.ndarray, up: np.ndarray) -> Heading | None:
    """Return where the skeleton says a person faces, in the tracking frame; None without one."""
    if person.joints_camera_mm is None:
        return None
    return heading_of(person.joints_camera_mm @ pose[:3, :3].T, up)


def _untracked(person: PersonEstimate, name: str, index: int) -> TrackedPerson:
    flags = person.flags & ~PersonFlags.UNTRACKED_ID
    if not name:
        flags |= PersonFlags.UNTRACKED_ID
    estimate = replace(person, id=name or f"u{index}", flags=flags)
    return TrackedPerson(estimate, -1 - index, False, np.zeros(3), np.zeros((3, 3)))
