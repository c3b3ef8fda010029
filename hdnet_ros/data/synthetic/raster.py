"""Z-buffer renderer for people on the CPU: soft edges, sun, sky, self-shadows, occluded ambient light.

Visibility is resolved on a grid of 2 x 2 samples per pixel that stores triangle numbers; surfaces are
shaded afterwards, once per pixel where a pixel sees one near surface, per sample elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hdnet_ros.data.synthetic.borrowing import borrowed
from hdnet_ros.data.synthetic.light_maps import LightMaps, light_maps, lookup_light
from hdnet_ros.data.synthetic.mesh import TWO_SIDED, Mesh
from hdnet_ros.data.synthetic.shading import shade_point

SAMPLES = 2
NEAR_M = 0.05
# Below this many pixels per metre a texture is finer than the pixels, so all samples are shaded.
FINE_PX_PER_M = 60.0


@dataclass(frozen=True, eq=False)
class Light:
    """Light of a scene in linear RGB: a white surface facing the sun returns sun_rgb + sky_rgb at most 1."""

    to_sun: tuple[float, float, float] = (0.3, 0.4, 0.87)
    sun_rgb: tuple[float, float, float] = (0.6, 0.57, 0.5)
    sky_rgb: tuple[float, float, float] = (0.42, 0.45, 0.5)
    ground_rgb: tuple[float, float, float] = (0.15, 0.14, 0.12)
    softness_m: float = 0.02


@dataclass(frozen=True, eq=False)
class RenderResult:
    """Pictures (H, W) of one rendering; pixels without any surface have alpha 0.

    Attributes
    ----------
    rgb : (H, W, 3) float32, linear, premultiplied by alpha: composite = rgb + (1 - alpha) * background
    alpha : (H, W) float32, coverage 0..1
    depth_m : (H, W) float32, z of the nearest sample, inf where none
    instance : (H, W) int32, index into the meshes, -1 where none
    """

    rgb: NDArray
    alpha: NDArray
    depth_m: NDArray
    instance: NDArray


@njit(cache=True, nogil=True, fastmath=True)
def _project(vertices, rotation, translation, camera_k, camera_points, screen):
    for i in range(len(vertices)):
        x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        for row in range(3):
            camera_points[i, row] = (
                rotation[row, 0] * x + rotation[row, 1] * y + rotation[row, 2] * z + translation[row])
        depth = max(camera_points[i, 2], 1e-6)
        u = (camera_k[0, 0] * camera_points[i, 0] + camera_k[0, 1] * camera_points[i, 1]) / depth + camera_k[0, 2]
        v = camera_k[1, 1] * camera_points[i, 1] / depth + camera_k[1, 2]
        screen[i, 0] = (u + 0.5) * SAMPLES - 0.5
        screen[i, 1] = (v + 0.5) * SAMPLES - 0.5
        screen[i, 2] = 1.0 / depth


@njit(cache=True, nogil=True, fastmath=True)
def vertex_normals(vertices, faces):
    """Unit normals (V, 3) float32, averaged over the faces (F, 3) by area."""
    vertices, faces = borrowed(vertices), borrowed(faces)
    normals = np.zeros(vertices.shape, dtype=np.float32)
    for f in range(len(faces)):
        a, b, c = faces[f]
        ux, uy, uz = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
        vx, vy, vz = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for corner in (a, b, c):
            normals[corner, 0] += nx
            normals[corner, 1] += ny
            normals[corner, 2] += nz
    for i in range(len(normals)):
        length = np.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2) + 1e-12
        normals[i] /= length
    return normals


@njit(cache=True, nogil=True, fastmath=True)
def _fill(screen, camera_points, faces, two_sided, base, buffer_inverse, buffer_face):
    """Draw the triangles of one mesh into the sample buffers, nearest first wins; `base` numbers its faces."""
    screen, camera_points, faces = borrowed(screen), borrowed(camera_points), borrowed(faces)
    buffer_inverse, buffer_face = borrowed(buffer_inverse), borrowed(buffer_face)
    height, width = buffer_inverse.shape
    for f in range(len(faces)):
        a, b, c = faces[f]
        if camera_points[a, 2] < NEAR_M or camera_points[b, 2] < NEAR_M or camera_points[c, 2] < NEAR_M:
            continue
        ax, ay, bx, by = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1]
        cx, cy = screen[c, 0], screen[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        # Image y points down, so faces seen from outside have a negative area.
        if area == 0.0 or (area > 0.0 and not two_sided[f]):
            continue
        x0 = max(0, int(np.ceil(min(ax, bx, cx))))
        x1 = min(width - 1, int(np.floor(max(ax, bx, cx))))
        y0 = max(0, int(np.ceil(min(ay, by, cy))))
        y1 = min(height - 1, int(np.floor(max(ay, by, cy))))
        if x0 > x1 or y0 > y1:
            continue
        inverse_area = 1.0 / area
        step_b, step_c = (cy - ay) * inverse_area, -(by - ay) * inverse_area
        az, bz, cz = screen[a, 2], screen[b, 2] - screen[a, 2], screen[c, 2] - screen[a, 2]
        for y in range(y0, y1 + 1):
            row_b = -((y - ay) * (cx - ax) + ax * (cy - ay)) * inverse_area
            row_c = ((bx - ax) * (y - ay) + ax * (by - ay)) * inverse_area
            for x in range(x0, x1 + 1):
                wb, wc = row_b + x * step_b, row_c + x * step_c
                if wb < 0.0 or wc < 0.0 or wb + wc > 1.0:
                    continue
                inverse = az + wb * bz + wc * cz
                if inverse > buffer_inverse[y, x]:
                    buffer_inverse[y, x] = inverse
                    buffer_face[y, x] = base + f


@njit(cache=True, nogil=True, fastmath=True)
def _shade_sample(x, y, face, mesh_state, maps, light, to_sun, eye, scratch, colour):
    vertices, faces, coordinates, face_material, materials, normals, screen, sky = mesh_state
    a, b, c = faces[face]
    ax, ay, bx, by = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1]
    cx, cy = screen[c, 0], screen[c, 1]
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    wb = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) / area * screen[b, 2]
    wc = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / area * screen[c, 2]
    wa = (1.0 - ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) / area
          - ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / area) * screen[a, 2]
    total = wa + wb + wc
    wa, wb, wc = wa / total, wb / total, wc / total
    point, normal, to_eye, surface = scratch
    facing = distance = length = 0.0
    for axis in range(3):
        point[axis] = wa * vertices[a, axis] + wb * vertices[b, axis] + wc * vertices[c, axis]
        normal[axis] = wa * normals[a, axis] + wb * normals[b, axis] + wc * normals[c, axis]
        to_eye[axis] = eye[axis] - point[axis]
        distance += to_eye[axis] ** 2
        length += normal[axis] ** 2
        facing += normal[axis] * to_eye[axis]
    sign = -1.0 if facing < 0.0 and materials[face_material[face], TWO_SIDED] > 0.5 else 1.0
    for axis in range(3):
        normal[axis] *= sign / (np.sqrt(length) + 1e-9)
        to_eye[axis] /= np.sqrt(distance)
    for column in range(6):
        surface[column] = (wa * coordinates[a, column] + wb * coordinates[b, column] + wc * coordinates[c, column])
    open_sky = wa * sky[a] + wb * sky[b] + wc * sky[c]
    sunlit = 0.0
    if normal[0] * to_sun[0] + normal[1] * to_sun[1] + normal[2] * to_sun[2] > -0.3:
        sunlit = lookup_light(maps, point, normal)
    shade_point(materials, face_material[face], surface, surface[0], normal, light, to_sun, to_eye,
                sunlit, open_sky, colour)


@njit(cache=True, nogil=True, fastmath=True)
def _resolve(state, mesh_index, first_face, buffer_face, buffer_inverse, maps, light, to_sun, eye, fine_limit, scratch, out):
    """Shade all samples of one mesh and add them to the picture."""
    rgb, alpha, depth, instance = borrowed(out[0]), borrowed(out[1]), borrowed(out[2]), borrowed(out[3])
    state = (borrowed(state[0]), borrowed(state[1]), borrowed(state[2]), borrowed(state[3]), borrowed(state[4]),
             borrowed(state[5]), borrowed(state[6]), borrowed(state[7]))  # fmt: skip
    maps = (borrowed(maps[0]), borrowed(maps[1]), borrowed(maps[2]))
    buffer_face, buffer_inverse = borrowed(buffer_face), borrowed(buffer_inverse)
    light, to_sun, eye, vectors = borrowed(light), borrowed(to_sun), borrowed(eye), borrowed(scratch)
    last_face = first_face + len(state[1])
    scratch = (vectors[0], vectors[1], vectors[2], vectors[3])
    colour = vectors[4]
    share = 1.0 / (SAMPLES * SAMPLES)
    box = _sample_box(state[6], buffer_face.shape)
    for py in range(box[1] // SAMPLES, box[3] // SAMPLES + 1):
        for px in range(box[0] // SAMPLES, box[2] // SAMPLES + 1):
            own, nearest, farthest = 0, 0.0, 1e9
            for k in range(SAMPLES * SAMPLES):
                sy, sx = py * SAMPLES + k // SAMPLES, px * SAMPLES + k % SAMPLES
                if first_face <= buffer_face[sy, sx] < last_face:
                    own += 1
                    nearest = max(nearest, buffer_inverse[sy, sx])
                    farthest = min(farthest, buffer_inverse[sy, sx])
            if own == 0:
                continue
            once = own == SAMPLES * SAMPLES and nearest > fine_limit and 1.0 / farthest - 1.0 / nearest < 0.03
            for k in range(SAMPLES * SAMPLES):
                sy, sx = py * SAMPLES + k // SAMPLES, px * SAMPLES + k % SAMPLES
                face = buffer_face[sy, sx]
                if face < first_face or face >= last_face:
                    continue
                _shade_sample(sx, sy, face - first_face, state, maps, light, to_sun, eye, scratch, colour)
                weight = 1.0 if once else share
                for channel in range(3):
                    rgb[py, px, channel] += weight * colour[channel]
                if once:
                    break
            alpha[py, px] += own * share
            if 1.0 / nearest < depth[py, px]:
                depth[py, px] = 1.0 / nearest
                instance[py, px] = mesh_index


@njit(cache=True, nogil=True)
def _sample_box(screen, shape):
    x0, y0, x1, y1 = shape[1], shape[0], -1, -1
    for i in range(len(screen)):
        if screen[i, 2] > 1.0 / NEAR_M:
            continue
        x, y = screen[i, 0], screen[i, 1]
        x0, x1 = min(x0, max(0, int(np.floor(x)))), max(x1, min(shape[1] - 1, int(np.ceil(x))))
        y0, y1 = min(y0, max(0, int(np.floor(y)))), max(y1, min(shape[0] - 1, int(np.ceil(y))))
    return x0, y0, x1, y1


def render_people(
    meshes: Sequence[Mesh], camera_k: NDArray, rotation_world_to_camera: NDArray, translation_m: NDArray,
    size_wh: tuple[int, int], light: Light | None = None, maps: LightMaps | None = None,
) -> RenderResult:
    """Draw meshes with a pinhole camera; pixel centres lie at integer coordinates.

    Parameters
    ----------
    meshes : people or things (anything with a `.surface` Mesh, or a Mesh), in world metres with z up
    camera_k : (3, 3) intrinsics in pixels
    rotation_world_to_camera, translation_m : x_camera = R x_world + t, optical axes
    size_wh : picture width and height in pixels
    light : defaults to a half-clouded sky
    maps : what blocks the light; computed from the meshes themselves when not given

    Returns
    -------
    RenderResult; with no meshes or none in view everything is empty (alpha 0, depth inf, instance -1).
    """
    width, height = (int(value) for value in size_wh)
    if width < 1 or height < 1:
        raise ValueError(f"size_wh is {size_wh}, expected at least 1 x 1 pixel")
    light = light or Light()
    surfaces = [getattr(mesh, "surface", mesh) for mesh in meshes]
    camera_k = np.asarray(camera_k, dtype=np.float64)
    rotation = np.asarray(rotation_world_to_camera, dtype=np.float64)
    translation = np.asarray(translation_m, dtype=np.float64)
    buffer_inverse = np.zeros((height * SAMPLES, width * SAMPLES), dtype=np.float32)
    buffer_face = np.full(buffer_inverse.shape, -1, dtype=np.int32)
    states, first_faces = [], []
    base = 0
    normals_of = [vertex_normals(mesh.vertices_world_m, mesh.faces) for mesh in surfaces]
    if maps is None:
        maps = light_maps(surfaces, normals_of, light.to_sun, light.softness_m)
    for index, mesh in enumerate(surfaces):
        count = len(mesh.vertices_world_m)
        camera_points, screen = np.empty((count, 3), np.float32), np.empty((count, 3), np.float32)
        _project(mesh.vertices_world_m, rotation, translation, camera_k, camera_points, screen)
        two_sided = mesh.materials[mesh.face_material, TWO_SIDED] > 0.5
        _fill(screen, camera_points, mesh.faces, two_sided, base, buffer_inverse, buffer_face)
        states.append((mesh.vertices_world_m, mesh.faces, mesh.coordinates, mesh.face_material, mesh.materials,
                       normals_of[index], screen, maps.open_sky[index]))
        first_faces.append(base)
        base += len(mesh.faces)
    out = (np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32),
           np.full((height, width), np.inf, np.float32), np.full((height, width), -1, np.int32))
    light_rgb = np.array([light.sun_rgb, light.sky_rgb, light.ground_rgb], dtype=np.float64)
    to_sun = np.asarray(light.to_sun, dtype=np.float64) / np.linalg.norm(light.to_sun)
    eye = -rotation.T @ translation
    fine_limit = FINE_PX_PER_M / np.sqrt(camera_k[0, 0] * camera_k[1, 1])
    for index, state in enumerate(states):
        _resolve(state, index, first_faces[index], buffer_face, buffer_inverse, maps.sun_map(index), light_rgb,
                 to_sun, eye, fine_limit, np.empty((5, 6)), out)
    return RenderResult(*out)
