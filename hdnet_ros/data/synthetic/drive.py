"""A rendered drive: a robot's camera passes three people who cross, one who sits and a child who walks.

Everybody keeps body, clothes and way of walking over all pictures and sets their feet down where they stay.
Bodies and textures are those of the hold-out, which no training sees. The result is a folder as
data/driving_scene.py reads it.

    python -m hdnet_ros.data.synthetic.drive FOLDER
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from hdnet_ros.core.camera import Camera
from hdnet_ros.data.driving_scene import SCENE_FILE, VIDEO_FILE, base_to_odom
from hdnet_ros.data.synthetic import furniture, labels
from hdnet_ros.data.synthetic.backdrop import draw_backdrop
from hdnet_ros.data.synthetic.backgrounds import cache_folder, linear_to_srgb, load_bank
from hdnet_ros.data.synthetic.boxes import DetectorStyle
from hdnet_ros.data.synthetic.cameras import CameraView
from hdnet_ros.data.synthetic.floors import draw_ground
from hdnet_ros.data.synthetic.gait import walking
from hdnet_ros.data.synthetic.people import PeopleFactory, PersonMesh
from hdnet_ros.data.synthetic.poses import DrawnPose
from hdnet_ros.data.synthetic.raycast import BOX
from hdnet_ros.data.synthetic.scene import OUTDOOR, Scene, SceneLight, render_scene, trace_scene
from hdnet_ros.data.synthetic.statures import Identity

FRAMES, RATE_HZ = 45, 10.0
ROBOT_SPEED_M_S, ROBOT_TURN_RAD_S = 0.6, 0.05
CAMERA_AHEAD_M, CAMERA_HEIGHT_M, CAMERA_PITCH_RAD = 0.2, 1.2, 0.06
SIZE_WH_PX, FOCAL_PX = (640, 480), 480.0
EXPOSURE, NOISE = 1.5, 0.004
# A detector that finds exactly what shows of everybody of whom a third shows.
_TIGHT = DetectorStyle((1.0, 1.0), 0.0, 0.0, 0.0, 0.0, 0.0)
_LEAST_VISIBLE = 0.33
_STEPS_A_CYCLE = 60
# Scenery of drawn textures alone: not all fetched photographs may be given on under any licence.
_NO_PHOTOGRAPHS = Path(__file__).parent


@dataclass(frozen=True)
class Actor:
    """Somebody in odom; the seed makes body, clothes and gait. Those who do not walk sit, and face `yaw_rad`."""

    identity: Identity
    seed: int
    start_m: tuple[float, float]
    velocity_m_s: tuple[float, float] = (0.0, 0.0)
    yaw_rad: float = 0.0

    @property
    def speed_m_s(self) -> float:
        return float(np.hypot(*self.velocity_m_s))


ACTORS = {
    "crossing to the left": Actor(Identity("male", 34.0, 1.78), 11, (7.0, -1.9), (0.1, 1.05)),
    "crossing to the right": Actor(Identity("female", 41.0, 1.63), 12, (10.2, 3.0), (0.0, -0.9)),
    "coming and crossing": Actor(Identity("male", 25.0, 1.83), 19, (11.5, -0.6), (-0.75, 0.2)),
    "sitting": Actor(Identity("female", 30.0, 1.68), 14, (8.0, 3.3), yaw_rad=-2.5),
    "child": Actor(Identity("female", 7.0, 1.22), 15, (9.2, -3.7), (-0.1, 0.55)),
}


class Walker:
    """A walking person whose standing foot stays where it is while the pelvis keeps its speed."""

    def __init__(self, factory: PeopleFactory, actor: Actor) -> None:
        self._factory, self._actor = factory, actor
        self._phases = np.linspace(0.0, 1.0, _STEPS_A_CYCLE + 1)
        self._travel_m = self._travel()

    def mesh(self, time_s: float) -> PersonMesh:
        """The person at a time, in odom."""
        actor = self._actor
        cycle = actor.speed_m_s * time_s / self._travel_m[-1] + np.random.default_rng(actor.seed).random()
        phase = float(np.interp((cycle % 1.0) * self._travel_m[-1], self._travel_m, self._phases))
        return self._at_phase(phase).moved(float(np.arctan2(*actor.velocity_m_s[::-1])), _place_m(actor, time_s))

    def _at_phase(self, phase: float) -> PersonMesh:
        gait = walking(np.random.default_rng(self._actor.seed), phase=phase)
        pose = DrawnPose("walking", gait.pose)
        return self._factory.posed(np.random.default_rng(self._actor.seed), self._actor.identity, pose)

    def _travel(self) -> np.ndarray:
        """How far (_STEPS_A_CYCLE + 1,) m the lower foot has pushed the pelvis at each phase."""
        ankles_m = np.array([self._at_phase(phase).joints_world_m[[3, 6]] for phase in self._phases])
        back_m = -np.diff(ankles_m[:, :, 0], axis=0)
        height_m = 0.5 * (ankles_m[1:, :, 2] + ankles_m[:-1, :, 2])
        steps_m = np.where(height_m[:, 0] < height_m[:, 1], back_m[:, 0], back_m[:, 1])
        # At the strike of a heel neither foot stands still.
        return np.concatenate([[0.0], np.cumsum(np.maximum(steps_m, 0.2 * steps_m.mean()))])


def _place_m(actor: Actor, time_s: float) -> np.ndarray:
    return np.array([*np.add(actor.start_m, np.multiply(actor.velocity_m_s, time_s)), 0.0])


def base_pose(time_s: float) -> tuple[float, float, float]:
    """x, y in m and yaw in rad of base_footprint in odom: a constant turn to the left."""
    yaw_rad, radius_m = ROBOT_TURN_RAD_S * time_s, ROBOT_SPEED_M_S / ROBOT_TURN_RAD_S
    return radius_m * np.sin(yaw_rad), radius_m * (1.0 - np.cos(yaw_rad)), yaw_rad


def camera_to_base() -> np.ndarray:
    """(4, 4) pose of the optical frame in base_footprint, m: looking ahead and a little down."""
    sine, cosine = np.sin(CAMERA_PITCH_RAD), np.cos(CAMERA_PITCH_RAD)
    pose = np.eye(4)
    pose[:3, :3] = [[0.0, -sine, cosine], [-1.0, 0.0, 0.0], [0.0, -cosine, -sine]]
    pose[:3, 3] = CAMERA_AHEAD_M, 0.0, CAMERA_HEIGHT_M
    return pose


def view_at(time_s: float) -> CameraView:
    """The camera in odom."""
    pose = base_to_odom(base_pose(time_s)) @ camera_to_base()
    K = np.array([[FOCAL_PX, 0.0, 319.5], [0.0, FOCAL_PX, 239.5], [0.0, 0.0, 1.0]])
    return CameraView(Camera.from_matrix(K, SIZE_WH_PX), pose[:3, :3].T, pose[:3, 3])


def make_scene(bank, seated: PersonMesh, yaw_rad: float) -> Scene:
    """A square with buildings at its end, trees, cars and a seat; the sun stands behind the robot."""
    rng = np.random.default_rng(4)
    out = furniture.PrimitiveList(bank)
    centre_m, height_m = seated.attributes["seat_centre_m"], seated.attributes["seat_height_m"]
    furniture.seat(out, np.random.default_rng(1), centre_m, yaw_rad, height_m)
    for x, y, *half_m in ((34.0, 16.0, 5.0, 14.0, 5.0), (38.0, -18.0, 6.0, 15.0, 7.0), (24.0, 24.0, 9.0, 5.0, 3.5)):
        out.add(rng, BOX, (x, y, half_m[2]), half_m, kind="wall_outdoor")
    for build, x, y, yaw in (
        (furniture.tree, 17.0, 6.5, 0.0), (furniture.tree, 20.0, -5.0, 0.0), (furniture.car, 21.0, 2.0, 1.5),
        (furniture.car, 19.0, -11.0, 1.2), (furniture.bench, 14.5, 5.5, 0.3), (furniture.bin_, 14.0, -6.0, 0.0),
        (furniture.bush, 16.0, -8.0, 0.0), (furniture.pole, 14.0, 9.0, 0.0),
    ):  # fmt: skip
        build(out, rng, np.array([x, y]), yaw)
    ground, no_marks = draw_ground(np.random.default_rng(6), bank, indoors=False, several=False), np.zeros((0, 12))
    direction = np.array([-0.45, 0.5, 0.75])
    sky = np.array([0.42, 0.45, 0.5])
    light = SceneLight(direction / np.linalg.norm(direction), np.array([0.75, 0.72, 0.66]), sky, 0.5 * sky, 0.03)
    return Scene(OUTDOOR, out.array(), np.array(out.things), ground, no_marks, light, 0.2, 0.7)


class Drive:
    """Everything that stays the same over the pictures."""

    def __init__(self) -> None:
        factory = PeopleFactory(cache_folder(), split="holdout")
        self.bank = load_bank("holdout", _NO_PHOTOGRAPHS)
        self.walkers = {name: Walker(factory, actor) for name, actor in ACTORS.items() if actor.speed_m_s > 0}
        self.seated = {
            name: factory.sample(np.random.default_rng(actor.seed), "sitting", actor.identity).moved(
                actor.yaw_rad, _place_m(actor, 0.0)
            )
            for name, actor in ACTORS.items() if actor.speed_m_s == 0
        }  # fmt: skip
        self.scene = make_scene(self.bank, self.seated["sitting"], ACTORS["sitting"].yaw_rad)

    def picture(self, frame: int) -> tuple[np.ndarray, dict]:
        """Picture (480, 640, 3) uint8 RGB of a frame, and its entry in the file."""
        time_s = frame / RATE_HZ
        view = view_at(time_s)
        meshes = [self.seated.get(name) or self.walkers[name].mesh(time_s) for name in ACTORS]
        surfaces = trace_scene(self.scene, view)
        people = labels.render(view, meshes, self.scene.light)
        backdrop = draw_backdrop(np.random.default_rng(3), self.bank, surfaces.rays, as_photo=False)
        shown = (people.rgb, people.alpha, people.depth_m)
        linear = render_scene(self.scene, self.bank, view, surfaces, backdrop, meshes, shown)
        borders = np.array([-0.5, -0.5, SIZE_WH_PX[0] - 0.5, SIZE_WH_PX[1] - 0.5])
        rng = np.random.default_rng([9, frame])
        found = labels.label_people(rng, view, meshes, people, surfaces.depth_m, borders, _TIGHT)
        entry = {"time_s": time_s, "base_in_odom": _rounded(base_pose(time_s)), "people": {}}
        for (name, actor), mesh, label in zip(ACTORS.items(), meshes, found, strict=True):
            entry["people"][name] = _truth(actor, mesh, label)
        return _developed(linear, rng), entry


def _truth(actor: Actor, mesh: PersonMesh, label: labels.PersonLabel | None) -> dict:
    visible = 0.0 if label is None else label.visible_fraction
    box = _rounded(label.box_xywh_center_px, 1) if visible >= _LEAST_VISIBLE else None
    return {
        "root_m": _rounded(mesh.joints_world_m[0]),
        "velocity_m_s": list(actor.velocity_m_s),
        "visible": round(visible, 2),
        "box_xywh_center_px": box,
    }


def _rounded(values, digits: int = 4) -> list[float]:
    return [round(float(value), digits) for value in values]


def _developed(linear: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """8-bit sRGB through a lens that is a little soft, with a little noise; exposed alike in every picture."""
    soft = cv2.GaussianBlur(np.maximum(linear, 0.0) * EXPOSURE, (0, 0), 0.5)
    code = linear_to_srgb(np.clip(soft, 0.0, 1.0)) + NOISE * rng.standard_normal(linear.shape)
    return np.clip(255.0 * code + 0.5, 0, 255).astype(np.uint8)


def write_drive(folder: Path) -> None:
    """Write the video and what is true of its pictures.

    Raises
    ------
    OSError : the video cannot be written
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, drive, entries = folder / VIDEO_FILE, Drive(), []
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), RATE_HZ, SIZE_WH_PX)
    if not video.isOpened():
        raise OSError(f"{path} cannot be written, or this OpenCV writes no MPEG-4")
    for frame in range(FRAMES):
        image_rgb, entry = drive.picture(frame)
        video.write(np.ascontiguousarray(image_rgb[..., ::-1]))
        entries.append(entry)
    video.release()
    (folder / SCENE_FILE).write_text(json.dumps(_scene_file(entries)) + "\n")


def _scene_file(entries: list[dict]) -> dict:
    return {
        "about": "Rendered people before a camera on a robot. Frames: odom and base_footprint (x ahead, y left, z up),"
        " optical; units: m, m/s, rad, px. root_m is the pelvis in odom, box_xywh_center_px is around what shows of a"
        " person, null where too little does for a detector.",
        "made_by": "python -m hdnet_ros.data.synthetic.drive FOLDER",
        "licence": "CC0-1.0: own rendering of generated bodies (CC0 data) and of drawn textures; no photographs",
        "K": view_at(0.0).camera.K.tolist(),
        "size_wh_px": list(SIZE_WH_PX),
        "camera_to_base": camera_to_base().round(9).tolist(),
        "stature_m": {name: actor.identity.stature_m for name, actor in ACTORS.items()},
        "frames": entries,
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write_drive(Path(sys.argv[1]))
