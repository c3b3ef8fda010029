"""Rendered people and their labels: exact joints, what shows of each, tight and detector-like boxes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from hdnet_ros.data.synthetic import boxes
from hdnet_ros.data.synthetic.cameras import CameraView
from hdnet_ros.data.synthetic.raster import Light, render_people

UPRIGHT_KINDS = ("upright", "standing", "walking", "running")
OCCLUSION_TOLERANCE_M = 0.10


@dataclass(frozen=True, eq=False)
class PersonLabel:
    """What is known about one person; pixels of the sample's window, mm of its camera's optical frame.

    box_xywh_center_px : as a detector gives it; tight_box_xywh_center_px : around the whole body within the
        picture
    joints_px, joints_camera_mm : (17, 2) and (17, 3); joint_visible : (17,) inside the window and not behind
        something else (its own body may hide it)
    root_camera_mm : (3,) the pelvis
    visible_fraction : share of the body's surface that is inside the window and not behind something else
    truncated : the picture's or the window's edge cuts the body
    """

    box_xywh_center_px: np.ndarray
    tight_box_xywh_center_px: np.ndarray
    joints_px: np.ndarray
    joints_camera_mm: np.ndarray
    joint_visible: np.ndarray
    root_camera_mm: np.ndarray
    stature_mm: float
    age_years: float
    pose_kind: str
    visible_fraction: float
    truncated: bool
    is_adult: bool
    is_upright: bool


@dataclass(frozen=True, eq=False)
class RenderedPeople:
    """Pictures of the people in a window: rgb (H,W,3) linear and premultiplied, alpha and depth_m (H,W),
    instance (H,W): number of the person, -1 for nobody, and owned_by(n) for belongings of person n."""

    rgb: np.ndarray
    alpha: np.ndarray
    depth_m: np.ndarray
    instance: np.ndarray


def owned_by(number: int) -> int:
    """What RenderedPeople.instance holds where belongings of a person show."""
    return -2 - number


def solids(meshes) -> list:
    """The people, and after them what they own: everything that has vertices and faces."""
    return [*meshes, *(m.belongings for m in meshes if m.belongings is not None)]


def render(view: CameraView, meshes, light) -> RenderedPeople:
    """Render people through the lens: vertices are moved to where a pinhole with the same K sees them as the
    lens does."""
    solid = [getattr(mesh, "surface", mesh) for mesh in solids(meshes)]
    surfaces = [dataclasses.replace(mesh, vertices_world_m=_bend(view, mesh.vertices_world_m)) for mesh in solid]
    rotation = view.rotation_world_to_camera
    lamp = Light(light.direction_to_light, light.sun_rgb, light.sky_rgb, light.bounce_rgb, light.softness_m)
    result = render_people(
        surfaces, view.camera.K, rotation, -rotation @ view.position_world_m, view.camera.size_wh_px, lamp
    )
    owners = [owned_by(number) for number, mesh in enumerate(meshes) if mesh.belongings is not None]
    names = np.array([*range(len(meshes)), *owners, -1])
    return RenderedPeople(result.rgb, result.alpha, result.depth_m, names[result.instance])


def _bend(view: CameraView, vertices_world_m: np.ndarray) -> np.ndarray:
    """World points that project without the lens to where the given ones project with it, at the same depth."""
    if view.camera.distortion_model == "none":
        return vertices_world_m
    points = view.to_camera_m(vertices_world_m)
    pixels = view.camera.project(points)
    plain = (pixels - view.camera.K[:2, 2]) / view.camera.K[[0, 1], [0, 1]] * points[:, 2:]
    points[:, :2] = np.where(np.isfinite(plain), plain, points[:, :2])
    return view.to_world_m(points).astype(np.float32)


def label_people(
    rng, view: CameraView, meshes, people: RenderedPeople, scene_depth, picture_xyxy, style
) -> list[PersonLabel | None]:
    """A label for each mesh, None for those too little of which shows or that the window (not the picture)
    cuts.

    Parameters
    ----------
    scene_depth : (H, W) m, without people
    picture_xyxy : borders of the whole picture in window pixels
    style : the detector, see boxes
    """
    outlines = [_outline(view, mesh, style.takes_vehicles) for mesh in meshes]
    result = []
    for index, mesh in enumerate(meshes):
        neighbours = [
            o
            for k, o in enumerate(outlines)
            if k != index and o is not None and _overlap(o, outlines[index]) > 0
        ]
        result.append(
            _label(
                rng, view, mesh, index, outlines[index], people, scene_depth, picture_xyxy, style, neighbours
            )
        )
    return result


def _outline(view: CameraView, mesh, with_belongings: bool) -> np.ndarray | None:
    points = mesh.vertices_world_m
    if with_belongings and mesh.belongings is not None:
        points = np.concatenate([points, mesh.belongings.vertices_world_m])
    pixels = view.project(points)
    if not np.isfinite(pixels).all():
        pixels = pixels[np.isfinite(pixels).all(1)]
    return np.concatenate([pixels.min(0), pixels.max(0)]) if len(pixels) > 20 else None


def _area(box_xyxy) -> float:
    return float(np.prod(np.maximum(box_xyxy[2:] - box_xyxy[:2], 0)))


def _overlap(a, b) -> float:
    if a is None or b is None:
        return 0.0
    return _area(np.concatenate([np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])]))


def _label(
    rng, view, mesh, index, outline, people, scene_depth, picture_xyxy, style, neighbours
) -> PersonLabel | None:
    if outline is None:
        return None
    width, height = view.camera.size_wh_px
    window = np.array([-0.5, -0.5, width - 0.5, height - 0.5])
    in_picture = boxes.clip_corners(outline, picture_xyxy)
    if _area(in_picture) < 50 or (index > 0 and _overlap(in_picture, window) < 0.9 * _area(in_picture)):
        return None
    shows = _visible_box(index, people, scene_depth, in_picture, window, style.takes_vehicles)
    if shows is None:
        return None
    joints_m = view.to_camera_m(mesh.joints_world_m)
    joints_px = view.camera.project(joints_m)
    seen = _not_hidden(joints_px, joints_m[:, 2], index, people, scene_depth)
    kind = str(mesh.attributes.get("pose_kind", "upright"))
    return PersonLabel(
        box_xywh_center_px=boxes.detect(rng, style, outline, shows, neighbours, picture_xyxy),
        tight_box_xywh_center_px=boxes.to_center(in_picture),
        joints_px=joints_px,
        joints_camera_mm=1000.0 * joints_m,
        joint_visible=seen,
        root_camera_mm=1000.0 * joints_m[0],
        stature_mm=1000.0 * float(mesh.stature_m),
        age_years=float(mesh.age_years),
        pose_kind=kind,
        visible_fraction=visible_fraction(view, mesh, index, people, scene_depth),
        truncated=bool(_overlap(outline, window) < 0.98 * _area(outline)),
        is_adult=bool(mesh.attributes.get("is_adult", mesh.age_years >= 16)),
        is_upright=bool(mesh.attributes.get("is_upright", kind in UPRIGHT_KINDS)),
    )


def _visible_box(index, people, scene_depth, in_picture, window, with_belongings) -> np.ndarray | None:
    """Corners around the pixels that show a person; where the window ends before the body does, the body's
    own border."""
    own = people.instance == index
    if with_belongings:
        own |= people.instance == owned_by(index)
    mask = own & (people.depth_m < scene_depth)
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    if mask.sum() < 40 or len(columns) < 4 or len(rows) < 4:
        return None
    box = np.array([columns[0] - 0.5, rows[0] - 0.5, columns[-1] + 0.5, rows[-1] + 0.5])
    ends = np.abs(box - window) < 1.5
    return np.where(ends, in_picture, box)


def _not_hidden(pixels, depth_m, index, people, scene_depth) -> np.ndarray:
    """Which points (N,2) px at depths (N,) m lie inside the window and behind nothing but their own body."""
    height, width = scene_depth.shape
    with np.errstate(invalid="ignore"):
        inside = (
            np.isfinite(pixels).all(1)
            & (depth_m > 0)
            & (pixels >= -0.5).all(1)
            & (pixels < (width - 0.5, height - 0.5)).all(1)
        )
    column = np.clip(np.nan_to_num(np.round(pixels[:, 0])), 0, width - 1).astype(int)
    row = np.clip(np.nan_to_num(np.round(pixels[:, 1])), 0, height - 1).astype(int)
    other = (people.instance[row, column] != index) & (
        people.depth_m[row, column] < depth_m - OCCLUSION_TOLERANCE_M
    )
    behind = scene_depth[row, column] < depth_m - OCCLUSION_TOLERANCE_M
    return inside & ~other & ~behind


def visible_fraction(view: CameraView, mesh, index, people, scene_depth, faces_used: int = 600) -> float:
    """Share of the body's surface inside the window and behind nothing but its own body, from every k-th
    face by area."""
    faces = mesh.faces[:: max(1, len(mesh.faces) // faces_used)]
    corners = np.asarray(mesh.vertices_world_m)[faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    middle = view.to_camera_m(corners.mean(1))
    seen = _not_hidden(view.camera.project(middle), middle[:, 2], index, people, scene_depth)
    return float((area * seen).sum() / max(area.sum(), 1e-12))
