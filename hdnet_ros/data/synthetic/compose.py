"""Colours of a traced scene, textured and lit, composed with rendered people; colours are linear, lengths
metres."""

import math

import numba
import numpy as np

from hdnet_ros.data.synthetic.borrowing import borrowed
from hdnet_ros.data.synthetic.raycast import (
    BOX,
    CONE,
    GROUND,
    NOTHING,
    hit,
    trace_among,
)
from hdnet_ros.data.synthetic.texture_lookup import inlined, noise_at, read_texture

_jit = numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")


@inlined
def _paint_marks(marks, x, y, footprint, out):
    """Blend painted lines and stains (rows: x y ux uy half_length half_width r g b opacity dash ellipse)
    onto the ground."""
    for k in range(marks.shape[0]):
        m = marks[k]
        along = (x - m[0]) * m[2] + (y - m[1]) * m[3]
        across = -(x - m[0]) * m[3] + (y - m[1]) * m[2]
        if abs(along) > m[4] + footprint or abs(across) > m[5] + footprint:
            continue
        if m[11] > 0.5:
            radius = math.sqrt((along / m[4]) ** 2 + (across / m[5]) ** 2)
            cover = (1 - radius) * min(m[4], m[5]) / footprint + 0.5
        else:
            cover = (m[5] - abs(across)) / footprint + 0.5
            if m[10] > 0 and along / m[10] - math.floor(along / m[10]) > 0.5:
                cover = 0.0
        cover = min(max(cover, 0.0), min(1.0, 2 * m[5] / footprint)) * m[9]
        for c in range(3):
            out[c] += cover * (m[6 + c] - out[c])


@inlined
def _ground_colour(ground, marks, noise, texels, table, x, y, footprint, to_linear, out):
    """Colour of the floor: regions (rows: nx ny offset half_width wobble texture tile_m r g b kerb_w
    kerb_grey u v) over each other."""
    chosen, kerb = 0, 0
    for g in range(1, ground.shape[0]):
        wobble = ground[g, 4] * (noise_at(noise, 1.7 * x + 31 * g, 1.7 * y) - 0.5)
        distance = abs(ground[g, 0] * x + ground[g, 1] * y - ground[g, 2]) - ground[g, 3] + wobble
        if distance < 0:
            chosen = g
        if abs(distance) < ground[g, 10]:
            kerb = g
    row = ground[chosen]
    u, v = (row[0] * x + row[1] * y) / row[6] + row[12], (-row[1] * x + row[0] * y) / row[6] + row[13]
    read_texture(texels, table, int(row[5]), u, v, footprint / row[6], to_linear, out)
    for c in range(3):
        out[c] *= row[7 + c]
        if kerb:
            out[c] = 0.35 * out[c] + 0.65 * ground[kerb, 11]
    _paint_marks(marks, x, y, footprint, out)


@_jit
def _normal(p, x, y, z, n):
    """Outward normal at a surface point of a primitive; returns the surface coordinates (u, v) in metres and
    whether it is a top."""
    rx, ry, rz = x - p[1], y - p[2], z - p[3]
    lx, ly = p[4] * rx + p[5] * ry, -p[5] * rx + p[4] * ry
    if p[0] == BOX:
        ax, ay, az = abs(abs(lx) - p[6]), abs(abs(ly) - p[7]), abs(abs(rz) - p[8])
        sign = -1.0 if p[16] > 0.5 else 1.0
        n[0] = n[1] = n[2] = 0.0
        if az < ax and az < ay:
            n[2] = sign * (1.0 if rz > 0 else -1.0)
            return lx, ly, True
        if ax < ay:
            s = sign * (1.0 if lx > 0 else -1.0)
            n[0], n[1] = s * p[4], s * p[5]
            return ly, -z, False
        s = sign * (1.0 if ly > 0 else -1.0)
        n[0], n[1] = -s * p[5], s * p[4]
        return lx, -z, False
    if p[0] == CONE:
        if p[8] - rz < 1e-4:
            n[0], n[1], n[2] = 0.0, 0.0, 1.0
            return lx, ly, True
        n[0], n[1], n[2] = rx, ry, (p[6] - p[7]) / (2 * p[8]) * math.sqrt(rx * rx + ry * ry)
    else:
        n[0], n[1], n[2] = rx / p[6] ** 2, ry / p[7] ** 2, rz / p[8] ** 2
        if p[16] > 0.5:
            size = 0.5 / max(p[6], p[8])
            n[0] += size * math.sin(23 * x + 11 * z)
            n[1] += size * math.sin(25 * y + 7 * x)
            n[2] += size * math.sin(21 * z + 9 * y)
    length = math.sqrt(n[0] ** 2 + n[1] ** 2 + n[2] ** 2) + 1e-12
    n[0], n[1], n[2] = n[0] / length, n[1] / length, n[2] / length
    return math.atan2(ry, rx) * max(p[6], 0.05), -z, False


@inlined
def _sun_visible(primitives, which, light, shadow_map, shadow_frame, x, y, z):
    """Share of sunlight that reaches a point: primitives cast hard shadows, people soft ones from a
    light-space map."""
    for k in range(primitives.shape[0] if light[14] > 0.5 else 0):
        p = primitives[k]
        if k == which or p[17] < 0.5:
            continue
        cx, cy, cz = p[1] - x, p[2] - y, p[3] - z
        along = cx * light[0] + cy * light[1] + cz * light[2]
        # p[15] is the radius of a sphere around the primitive: most rays miss it.
        if along < -p[15] or cx * cx + cy * cy + cz * cz - along * along > p[15] * p[15]:
            continue
        if hit(p, x, y, z, light[0], light[1], light[2]) > 0:
            return 0.0
    a = (x * shadow_frame[0] + y * shadow_frame[1] + z * shadow_frame[2] - shadow_frame[9]) * shadow_frame[11]
    b = (x * shadow_frame[3] + y * shadow_frame[4] + z * shadow_frame[5] - shadow_frame[10]) * shadow_frame[11]
    i, j = int(a), int(b)
    if a < 0 or b < 0 or i >= shadow_map.shape[2] - 1 or j >= shadow_map.shape[1] - 1:
        return 1.0
    toward = x * light[0] + y * light[1] + z * light[2]
    if toward > shadow_map[1, j, i]:
        return 1.0
    a, b = a - i, b - j
    top = shadow_map[0, j, i] * (1 - a) + shadow_map[0, j, i + 1] * a
    bottom = shadow_map[0, j + 1, i] * (1 - a) + shadow_map[0, j + 1, i + 1] * a
    return 1.0 - (top * (1 - b) + bottom * b)


@inlined
def _contact(contact_map, contact_frame, x, y):
    """Ambient light left at a floor point beside feet and furniture (1 = all)."""
    a, b = (x - contact_frame[0]) * contact_frame[2], (y - contact_frame[1]) * contact_frame[2]
    if a < 0 or b < 0 or a >= contact_map.shape[1] - 1 or b >= contact_map.shape[0] - 1:
        return 1.0
    i, j = int(a), int(b)
    a, b = a - i, b - j
    top = contact_map[j, i] * (1 - a) + contact_map[j, i + 1] * a
    bottom = contact_map[j + 1, i] * (1 - a) + contact_map[j + 1, i + 1] * a
    return 1.0 - (top * (1 - b) + bottom * b)


@inlined
def _shade(
    primitives,
    ground,
    marks,
    noise,
    texels,
    table,
    to_linear,
    light,
    shadow_map,
    shadow_frame,
    contact_map,
    contact_frame,
    pixel_angle,
    use_backdrop,
    which,
    t,
    ox,
    oy,
    oz,
    dx,
    dy,
    dz,
    backdrop,
    row,
    column,
    out,
    n,
):
    """Linear colour seen along one ray of pixel (row, column) that met surface `which` at depth t."""
    if which == NOTHING or (which == GROUND and use_backdrop and not light[12] > 0.5):
        out[0], out[1], out[2] = backdrop[row, column, 0], backdrop[row, column, 1], backdrop[row, column, 2]
        return
    x, y, z = ox + t * dx, oy + t * dy, oz + t * dz
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    footprint = t * pixel_angle
    ambient_share = 1.0
    if which == GROUND:
        n[0], n[1], n[2] = 0.0, 0.0, 1.0
        stretch = math.sqrt(length / max(abs(dz), 0.03))
        if use_backdrop:
            out[0], out[1], out[2] = (
                backdrop[row, column, 0],
                backdrop[row, column, 1],
                backdrop[row, column, 2],
            )
        else:
            _ground_colour(ground, marks, noise, texels, table, x, y, footprint * stretch, to_linear, out)
        ambient_share = _contact(contact_map, contact_frame, x, y)
    else:
        p = primitives[which]
        u, v, top = _normal(p, x, y, z, n)
        facing = abs(n[0] * dx + n[1] * dy + n[2] * dz) / length
        stretch = 1 / math.sqrt(max(facing, 0.1))
        read_texture(
            texels,
            table,
            int(p[10] if top else p[9]),
            u / p[11] + p[18],
            v / p[11] + p[19],
            footprint * stretch / p[11],
            to_linear,
            out,
        )
        for c in range(3):
            out[c] *= p[12 + c]
    sun = max(0.0, n[0] * light[0] + n[1] * light[1] + n[2] * light[2])
    visible = 1.0
    if sun > 0 and light[3] + light[4] + light[5] > 0.02:
        visible = _sun_visible(primitives, which, light, shadow_map, shadow_frame, x, y, z)
    variation = 1.0 + light[13] * (noise_at(noise, 0.35 * x + 7, 0.35 * y + 0.3 * z) - 0.5)
    for c in range(3):
        sky = light[6 + c] * (0.5 + 0.5 * n[2]) + light[9 + c] * (0.5 - 0.5 * n[2])
        if which == GROUND and use_backdrop:
            full = max(light[6 + c] + sun * light[3 + c], 1e-6)
            out[c] *= (light[6 + c] * ambient_share + sun * visible * light[3 + c]) / full
        else:
            out[c] *= variation * (sky * ambient_share + sun * visible * light[3 + c])


def compose(world, origin, rays, depth, surface, backdrop, people_rgb, people_alpha, people_depth, out):
    """Shade every pixel and lay people over or under the scene by depth; four rays where surfaces meet.

    backdrop (H,W,3) is what is seen where nothing is met; people_rgb (H,W,3) is premultiplied by
    people_alpha (H,W).
    """
    scratch = np.zeros((3, 3)), np.zeros(5, np.int64)
    _compose(world, origin, rays, depth, surface, backdrop, people_rgb, people_alpha, people_depth, scratch, out)


@_jit
def _compose(world, origin, rays, depth, surface, backdrop, people_rgb, people_alpha, people_depth, scratch, out):
    """`compose` with a place for three vectors and five numbers."""
    height, width = depth.shape
    primitives, ground, marks, noise = borrowed(world[0]), borrowed(world[1]), borrowed(world[2]), borrowed(world[3])
    texels, table, to_linear, light = borrowed(world[4]), borrowed(world[5]), borrowed(world[6]), borrowed(world[7])
    shadow_map, shadow_frame = borrowed(world[8]), borrowed(world[9])
    contact_map, contact_frame, pixel_angle, use_backdrop = borrowed(world[10]), borrowed(world[11]), world[12], world[13]
    rays, depth, surface, backdrop = borrowed(rays), borrowed(depth), borrowed(surface), borrowed(backdrop)
    people_rgb, people_alpha, people_depth = borrowed(people_rgb), borrowed(people_alpha), borrowed(people_depth)
    out = borrowed(out)
    ox, oy, oz = origin[0], origin[1], origin[2]
    vectors, candidates = borrowed(scratch[0]), borrowed(scratch[1])
    colour, normal, total = vectors[0], vectors[1], vectors[2]
    for i in range(height):
        for j in range(width):
            i1, j1 = min(i + 1, height - 1), min(j + 1, width - 1)
            i0, j0 = max(i - 1, 0), max(j - 1, 0)
            s = surface[i, j]
            edge = surface[i1, j] != s or surface[i, j1] != s or surface[i0, j] != s or surface[i, j0] != s
            total[0] = total[1] = total[2] = 0.0
            if edge:
                candidates[0], candidates[1], candidates[2] = s, surface[i1, j], surface[i, j1]
                candidates[3], candidates[4] = surface[i0, j], surface[i, j0]
            for q in range(4 if edge else 1):
                t, which = float(depth[i, j]), int(s)
                dx, dy, dz = np.float64(rays[i, j, 0]), np.float64(rays[i, j, 1]), np.float64(rays[i, j, 2])
                if edge:
                    a, b = (
                        (0.125, -0.375)
                        if q == 0
                        else (0.375, 0.125)
                        if q == 1
                        else (-0.125, 0.375)
                        if q == 2
                        else (-0.375, -0.125)
                    )
                    across, along = (1.0 / max(j1 - j0, 1)) * a, (1.0 / max(i1 - i0, 1)) * b
                    dx += across * (rays[i, j1, 0] - rays[i, j0, 0]) + along * (rays[i1, j, 0] - rays[i0, j, 0])
                    dy += across * (rays[i, j1, 1] - rays[i, j0, 1]) + along * (rays[i1, j, 1] - rays[i0, j, 1])
                    dz += across * (rays[i, j1, 2] - rays[i, j0, 2]) + along * (rays[i1, j, 2] - rays[i0, j, 2])
                    t, which = trace_among(primitives, candidates, ox, oy, oz, dx, dy, dz)
                cover = people_alpha[i, j] if people_depth[i, j] < t else 0.0
                if cover < 0.999:
                    _shade(
                        primitives,
                        ground,
                        marks,
                        noise,
                        texels,
                        table,
                        to_linear,
                        light,
                        shadow_map,
                        shadow_frame,
                        contact_map,
                        contact_frame,
                        pixel_angle,
                        use_backdrop,
                        which,
                        t,
                        ox,
                        oy,
                        oz,
                        dx,
                        dy,
                        dz,
                        backdrop,
                        i,
                        j,
                        colour,
                        normal,
                    )
                for c in range(3):
                    total[c] += (people_rgb[i, j, c] if cover > 0.0 else 0.0) + (1.0 - cover) * (
                        colour[c] if cover < 0.999 else 0.0
                    )
            for c in range(3):
                out[i, j, c] = total[c] * (0.25 if edge else 1.0)
