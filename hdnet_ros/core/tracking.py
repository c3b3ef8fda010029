"""People kept apart from frame to frame: nearest neighbour in space, constant velocity."""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hdnet_ros.core.types import PersonEstimate, PersonFlags

# Across the ray a root is as good as its box: the centres of HOG's boxes scatter by 3.7 % (u) and
# 3.1 % (v) of the box height about hand-made ones, measured on 120 frames of vtest.avi.
ROOT_SIGMA_BOX_FRACTION = 0.04
_SAFE_ID = re.compile(r"[A-Za-z][A-Za-z0-9]{0,15}")
_OWN_ID = re.compile(r"[pu][0-9]+")


@dataclass(frozen=True)
class TrackerConfig:
    """What decides whether two sightings are one person.

    Parameters
    ----------
    enabled : bool
        False: no association; ids are those of the detector or count within the frame.
    gate_sigmas : float
        Largest Mahalanobis distance between prediction and sighting. 4 keeps 99.9 % of the true
        pairs when the sigmas are right.
    keep_s : float
        A track unseen for longer than this is forgotten, and its id with it.
    acceleration_sigma_mm_s2 : float
        How hard people change their velocity; 1500 mm/s^2 is a walker who stops within a second.
    speed_sigma_mm_s : float
        Standard deviation of the velocity of somebody just seen for the first time.
    velocity_after_sightings : int
        Sightings before a velocity is worth telling.
    """

    enabled: bool = True
    gate_sigmas: float = 4.0
    keep_s: float = 2.0
    acceleration_sigma_mm_s2: float = 1500.0
    speed_sigma_mm_s: float = 1500.0
    velocity_after_sightings: int = 3

    def __post_init__(self):
        for name in ("gate_sigmas", "keep_s", "acceleration_sigma_mm_s2", "speed_sigma_mm_s"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(
                    f"TrackerConfig.{name} is {value}, expected a finite number above 0"
                )


@dataclass(frozen=True, eq=False)
class TrackedPerson:
    """One person of one frame with what tracking adds.

    `estimate.id` is the track's id. Velocity in mm/s in the camera frame with its (3, 3)
    covariance in (mm/s)^2; both are meaningless while `has_velocity` is False.
    `number` is unique to the track within a run (for marker ids).
    """

    estimate: PersonEstimate
    number: int
    has_velocity: bool
    velocity_camera_mm_s: np.ndarray
    velocity_covariance_mm2_s2: np.ndarray


@dataclass(eq=False)
class _Track:
    id: str
    number: int
    seen_ns: int
    state_ns: int
    state: np.ndarray  # (6,) position mm, velocity mm/s
    covariance: np.ndarray  # (6, 6)
    by_detector: bool
    sightings: int = 1


def root_covariance_mm2(
    root_camera_mm: np.ndarray, depth_sigma_mm: float, lateral_sigma_mm: float
) -> np.ndarray:
    """Return the (3, 3) covariance of a root: long along the ray, short across it.

    A depth that moves by dz moves the root by dz * |X| / z along its ray.

    Raises
    ------
    ValueError
        If the root is not in front of the camera.
    """
    root = np.asarray(root_camera_mm, dtype=np.float64)
    if not root[2] > 0:
        raise ValueError(f"root_camera_mm[2] is {root[2]} mm, expected a depth above 0")
    range_mm = float(np.linalg.norm(root))
    ray = root / range_mm
    along = np.outer(ray, ray)
    sigma_along_mm = depth_sigma_mm * range_mm / root[2]
    return sigma_along_mm**2 * along + lateral_sigma_mm**2 * (np.eye(3) - along)


def lateral_sigma_mm(person: PersonEstimate) -> float:
    """Return how well the root is known across its ray: 4 % of the box's longer side, in mm."""
    box_side_px = float(np.max(np.asarray(person.box_xywh_center_px)[2:]))
    return ROOT_SIGMA_BOX_FRACTION * box_side_px * float(person.root_camera_mm[2]) / person.focal_px


class PersonTracker:
    """Give every person of a frame an id that lasts while they are seen.

    Ids of a detector that tracks are kept (made fit for a TF frame's name); everybody else is
    matched with the nearest predicted track in Mahalanobis distance, nearest pairs first. Ids
    are short, start with a letter and are never given twice by one tracker, `reset` included.
    """

    def __init__(self, config: TrackerConfig | None = None):
        self.config = config or TrackerConfig()
        self._tracks: list[_Track] = []
        self._given = 0

    def reset(self) -> None:
        """Forget everybody; ids are not started over."""
        self._tracks = []

    def update(self, stamp_ns: int, persons: Sequence[PersonEstimate]) -> list[TrackedPerson]:
        """Return the persons in the same order with ids and velocities.

        Parameters
        ----------
        stamp_ns : int
            Stamp of the frame. One before the previous frame's counts as no time passed; call
            `reset` when the clock jumps.
        persons : sequence of PersonEstimate
            May be empty. A non-empty `id` is taken as a track id of the detector.
        """
        names = _detector_ids(persons)
        if not self.config.enabled:
            return [_untracked(person, names[i], i) for i, person in enumerate(persons)]
        self._predict(stamp_ns)
        tracks = self._associate(persons, names)
        for index, person in enumerate(persons):
            if tracks[index] is None:
                tracks[index] = self._start(stamp_ns, person, names[index])
            else:
                _correct(tracks[index], stamp_ns, person)
        return [self._tracked(person, track) for person, track in zip(persons, tracks)]

    def _predict(self, stamp_ns: int) -> None:
        """Forget whom nobody has seen for too long, move the others to the stamp."""
        keep_ns = self.config.keep_s * 1e9
        self._tracks = [track for track in self._tracks if stamp_ns - track.seen_ns <= keep_ns]
        for track in self._tracks:
            dt_s = max(0, stamp_ns - track.state_ns) * 1e-9
            track.state_ns = max(stamp_ns, track.state_ns)
            step = np.eye(6)
            step[:3, 3:] = dt_s * np.eye(3)
            track.state = step @ track.state
            noise = self.config.acceleration_sigma_mm_s2**2 * _white_acceleration(dt_s)
            track.covariance = step @ track.covariance @ step.T + noise

    def _associate(self, persons: Sequence[PersonEstimate], names: list[str]) -> list:
        by_name = {track.id: track for track in self._tracks if track.by_detector}
        found = [by_name.get(name) for name in names]
        free = [track for track in self._tracks if not track.by_detector]
        pairs = [
            (*_distance_sigmas_and_cost(track, person), index, number)
            for index, person in enumerate(persons)
            if not names[index]
            for number, track in enumerate(free)
        ]
        taken = set()
        for distance, _, index, number in sorted(pairs, key=lambda pair: pair[1]):
            if distance <= self.config.gate_sigmas and not found[index] and number not in taken:
                found[index] = free[number]
                taken.add(number)
        return found

    def _start(self, stamp_ns: int, person: PersonEstimate, name: str) -> _Track:
        self._given += 1
        covariance = np.zeros((6, 6))
        covariance[:3, :3] = _measurement_covariance(person)
        covariance[3:, 3:] = self.config.speed_sigma_mm_s**2 * np.eye(3)
        state = np.concatenate([person.root_camera_mm, np.zeros(3)])
        name_or_own = name or f"p{self._given}"
        track = _Track(name_or_own, self._given, stamp_ns, stamp_ns, state, covariance, bool(name))
        self._tracks.append(track)
        return track

    def _tracked(self, person: PersonEstimate, track: _Track) -> TrackedPerson:
        return TrackedPerson(
            estimate=replace(person, id=track.id, flags=person.flags & ~PersonFlags.UNTRACKED_ID),
            number=track.number,
            has_velocity=track.sightings >= self.config.velocity_after_sightings,
            velocity_camera_mm_s=track.state[3:].copy(),
            velocity_covariance_mm2_s2=track.covariance[3:, 3:].copy(),
        )


def _white_acceleration(dt_s: float) -> np.ndarray:
    """Return the (6, 6) noise of a constant velocity model for an acceleration sigma of 1."""
    noise = np.array([[dt_s**4 / 4, dt_s**3 / 2], [dt_s**3 / 2, dt_s**2]])
    return np.kron(noise, np.eye(3))


def _measurement_covariance(person: PersonEstimate) -> np.ndarray:
    return root_covariance_mm2(
        person.root_camera_mm, person.depth_sigma_mm, lateral_sigma_mm(person)
    )


def _distance_sigmas_and_cost(track: _Track, person: PersonEstimate) -> tuple[float, float]:
    """Return how far a sighting is from a track, and how little it speaks for it.

    The distance is Mahalanobis'. The cost, twice the negative log likelihood, adds the volume of
    the uncertainty: without it a track that nobody has seen for long would be near to everybody.
    """
    innovation = person.root_camera_mm - track.state[:3]
    covariance = track.covariance[:3, :3] + _measurement_covariance(person)
    square = float(innovation @ np.linalg.solve(covariance, innovation))
    return float(np.sqrt(square)), square + float(np.linalg.slogdet(covariance)[1])


def _correct(track: _Track, stamp_ns: int, person: PersonEstimate) -> None:
    """Kalman update of a track with a sighting."""
    if stamp_ns > track.seen_ns:
        track.sightings += 1
    track.seen_ns = max(stamp_ns, track.seen_ns)
    measured = _measurement_covariance(person)
    gain = np.linalg.solve(track.covariance[:3, :3] + measured, track.covariance[:3]).T
    track.state = track.state + gain @ (person.root_camera_mm - track.state[:3])
    covariance = track.covariance - gain @ track.covariance[:3]
    track.covariance = 0.5 * (covariance + covariance.T)


def _detector_ids(persons: Sequence[PersonEstimate]) -> list[str]:
    """Return ids fit for a TF frame; the second of a double id counts as none."""
    names: list[str] = []
    for person in persons:
        name = _public_id(person.id) if person.id else ""
        names.append("" if name in names else name)
    return names


def _public_id(detector_id: str) -> str:
    """Return a short id that starts with a letter, the same for the same detector id."""
    if detector_id.isdecimal() and detector_id.isascii() and len(detector_id) < 16:
        return f"d{detector_id}"
    if _SAFE_ID.fullmatch(detector_id) and not _OWN_ID.fullmatch(detector_id):
        return detector_id
    return f"x{zlib.crc32(detector_id.encode()):08x}"


def _untracked(person: PersonEstimate, name: str, index: int) -> TrackedPerson:
    flags = person.flags & ~PersonFlags.UNTRACKED_ID
    if not name:
        flags |= PersonFlags.UNTRACKED_ID
    estimate = replace(person, id=name or f"u{index}", flags=flags)
    return TrackedPerson(estimate, index, False, np.zeros(3), np.zeros((3, 3)))
