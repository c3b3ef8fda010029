"""What a person wears: drawn garments, their materials, and how they thicken the body.

An `Outfit` is described in the body-independent coordinates of surface_coordinates.py, so it fits every
body. Materials are evaluated per pixel (shading.py), the thickness moves vertices of the rest body.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hdnet_ros.data.synthetic import shading
from hdnet_ros.data.synthetic.mesh import (
    BLOCK, CHECKS, DOTS, DRESSED, MATERIAL_WIDTH, NOISE, SOLID, STRIPES, plain_material)
from hdnet_ros.data.synthetic.palettes import (
    bright_colour, cloth_colour, hair_colour, shoe_colour, skin_colour, trouser_colour)
from hdnet_ros.data.synthetic.statures import FEMALE, MALE, Identity
from hdnet_ros.data.synthetic.surface_coordinates import ARM, HAIR, HEIGHT

(BODY_ROW, SKIN_ROW, HAIR_ROW, BOTTOM_ROW, TOP_ROW, OUTER_ROW, SHOE_ROW, SOCK_ROW, GLOVE_ROW, STRAP_ROW,
 HAT_ROW) = range(11)
HAIR_STYLES = {
    MALE: {"short": 0.5, "cropped": 0.18, "bald": 0.08, "afro": 0.06, "long": 0.08, "big": 0.04, "bun": 0.03,
           "ponytail": 0.03},
    FEMALE: {"long": 0.28, "big": 0.18, "bob": 0.15, "ponytail": 0.12, "bun": 0.08, "short": 0.09, "afro": 0.05,
             "scarf": 0.05},
}


@dataclass(frozen=True, eq=False)
class Outfit:
    """Drawn clothes of one person.

    Attributes
    ----------
    materials : (11, MATERIAL_WIDTH) float32, first the DRESSED row of the body
    bottom, top, outer, hair_style, hat : names; "" where there is none
    skirt_hem : height coordinate a skirt reaches, or None;  coat_hem : likewise for a coat's tails
    fit_m : thickness in metres of "top", "bottom", "outer", "hair", "shoe" and "sole", and "flare" at the trousers' hem
    """

    materials: NDArray
    bottom: str
    top: str
    outer: str
    hair_style: str
    hat: str
    skirt_hem: float | None
    coat_hem: float | None
    fit_m: dict[str, float]

    @property
    def sole_m(self) -> float:
        return self.fit_m["sole"]

    def looseness(self, lift_m: NDArray, coordinates: NDArray) -> NDArray:
        """How much (V,) 0 to 1 the cloth spans the body's hollows, from how far it stands off (V,) metres."""
        height = coordinates[:, HEIGHT]
        cloth_here = (height > -0.98) & (height < self.materials[BODY_ROW, shading.SHOE_TOP] - 0.03)
        return (np.clip((lift_m - 0.003) / 0.008, 0.0, 1.0) * cloth_here).astype(np.float32)

    @property
    def shod(self) -> bool:
        return bool(self.materials[BODY_ROW, shading.SHOES] >= 0)


def cloth(rng: np.random.Generator, colour: NDArray, *, patterned: float = 0.25, bump: float = 0.35,
          gloss: float = 0.0, blocks: float = 0.2, fade: float = 0.0) -> NDArray:
    """A cloth material in a colour, with a pattern in a share `patterned` of the draws, `blocks` of them two-coloured."""
    pattern, size = SOLID, 0.05
    if rng.random() < patterned:
        pattern = BLOCK if rng.random() < blocks else (STRIPES, CHECKS, NOISE, DOTS, STRIPES)[int(rng.integers(5))]
        size = float(np.exp(rng.uniform(np.log(0.012), np.log(0.16))))
        if pattern == BLOCK:
            size = rng.uniform(-0.85, -0.15)
    second, third = cloth_colour(rng), cloth_colour(rng)
    if rng.random() < 0.5:
        second = np.clip(colour * rng.uniform(0.4, 2.2), 0, 1)
    angle = rng.choice([0.0, 0.0, 0.0, np.pi / 2, rng.uniform(0, np.pi)])
    return plain_material(colour, colour_b=second, colour_c=third, pattern=pattern, size_m=size, angle=angle,
                          bump=bump * rng.uniform(0.5, 1.6), bump_size_m=rng.uniform(0.035, 0.11), gloss=gloss,
                          noise=rng.uniform(0.015, 0.08), seed=int(rng.integers(1 << 20)), fade=fade)


def draw_outfit(rng: np.random.Generator, identity: Identity, eye_m: NDArray) -> Outfit:
    """Draw clothes, hair and shoes for a person; `eye_m` (3,) is the left eye on the template body."""
    is_man, season = identity.gender == MALE, rng.random()
    materials = np.zeros((11, MATERIAL_WIDTH), dtype=np.float32)
    body = materials[BODY_ROW]
    body[0] = DRESSED
    body[1:9] = -1
    body[[shading.SKIN, shading.SHOES]] = SKIN_ROW, SHOE_ROW
    body[shading.HAT] = -1
    body[[shading.EYE_X, shading.EYE_Y, shading.EYE_Z]] = eye_m
    fit: dict[str, float] = {}
    materials[SKIN_ROW] = plain_material(skin_colour(rng), gloss=0.05, noise=0.06, seed=int(rng.integers(1 << 20)))
    top = _draw_top(rng, body, materials, fit, season)
    outer, coat_hem = _draw_outer(rng, body, materials, fit, season)
    bottom, skirt_hem = _draw_bottom(rng, body, materials, fit, season, is_man)
    _draw_shoes(rng, body, materials, fit, season)
    style = _draw_hair(rng, body, materials, fit, identity)
    hat = _draw_hat(rng, body, materials, fit, season, eye_m, style)
    materials[STRAP_ROW] = cloth(rng, cloth_colour(rng), patterned=0.0)
    if identity.age_years < 11.0:
        for row in (TOP_ROW, OUTER_ROW, BOTTOM_ROW, HAT_ROW):
            if rng.random() < (0.2 if row == BOTTOM_ROW else 0.45):
                materials[row, 1:4] = bright_colour(rng)
    # Children's clothes are thinner than grown-ups', though not by as much as children are smaller.
    smaller = 0.45 + 0.55 * min(identity.stature_m / 1.7, 1.0)
    fit = {part: metres * (1.0 if part in ("hair", "hat") else smaller) for part, metres in fit.items()}
    return Outfit(materials, bottom, top, outer, style, hat, skirt_hem, coat_hem, fit)


def _draw_top(rng: np.random.Generator, body: NDArray, materials: NDArray, fit: dict, season: float) -> str:
    """`season` is 0 in high summer and 1 in deep winter."""
    body[shading.TOP] = TOP_ROW
    materials[TOP_ROW] = cloth(rng, cloth_colour(rng), patterned=0.34)
    draw = rng.random() + 0.9 * (season - 0.4)
    name, sleeve = ("vest", rng.uniform(0.02, 0.10)) if draw < -0.2 else ("shirt", rng.uniform(0.22, 0.46))
    if draw > 0.42:
        name, sleeve = ("pullover", rng.uniform(0.93, 1.02)) if draw > 0.7 else ("long shirt", rng.uniform(0.5, 1.0))
    body[shading.TOP_SLEEVE] = sleeve
    body[shading.TOP_HEM] = rng.uniform(-0.06, 0.16) if rng.random() < 0.85 else rng.uniform(-0.25, -0.05)
    body[shading.NECKLINE] = rng.uniform(-0.95, -0.72) if rng.random() < 0.7 else -1.0
    fit["top"] = rng.uniform(0.006, 0.022) if name != "pullover" else rng.uniform(0.012, 0.032)
    return name


def _draw_outer(rng: np.random.Generator, body: NDArray, materials: NDArray, fit: dict,
                season: float) -> tuple[str, float | None]:
    fit["outer"] = 0.0
    if rng.random() > np.interp(season, [0.2, 0.55, 0.9], [0.02, 0.6, 0.95]):
        return "", None
    body[shading.OUTER] = OUTER_ROW
    puffy = rng.random() < 0.25
    # Coats and jackets are darker than shirts.
    colour = shoe_colour(rng) if rng.random() < 0.3 else cloth_colour(rng)
    materials[OUTER_ROW] = cloth(rng, colour, patterned=0.16, bump=0.6 if puffy else 0.42, blocks=0.6,
                                 gloss=rng.uniform(0, 0.12) if puffy or rng.random() < 0.2 else 0.0)
    draw = rng.random()
    name, hem = ("jacket", rng.uniform(0.0, 0.14)) if draw < 0.55 else ("coat", rng.uniform(0.2, 0.9))
    if draw > 0.93:
        name, hem = "waistcoat", rng.uniform(0.0, 0.1)
    body[shading.OUTER_SLEEVE] = 0.06 if name == "waistcoat" else rng.uniform(0.97, 1.06)
    body[shading.OUTER_HEM] = hem
    body[shading.OPENING] = rng.uniform(0.02, 0.07) if rng.random() < 0.4 else 0.0
    body[shading.OUTER_COLLAR] = rng.uniform(-1.12, -1.0)
    body[shading.HOOD] = 1.0 if rng.random() < 0.07 else 0.0
    fit["outer"] = rng.uniform(0.022, 0.05) if puffy else rng.uniform(0.01, 0.026)
    return name, hem if name == "coat" else None


def _draw_bottom(rng: np.random.Generator, body: NDArray, materials: NDArray, fit: dict, season: float,
                 is_man: bool) -> tuple[str, float | None]:
    materials[BOTTOM_ROW] = cloth(rng, trouser_colour(rng), patterned=0.06, bump=0.45,
                                  fade=max(0.0, rng.normal(0.1, 0.2)))
    body[shading.WAIST] = rng.uniform(-0.36, -0.18)
    fit["flare"] = 0.0
    skirted = not is_man and rng.random() < np.interp(season, [0.0, 1.0], [0.38, 0.14])
    if skirted:
        dress = rng.random() < 0.5
        materials[BOTTOM_ROW] = materials[TOP_ROW] if dress else cloth(rng, cloth_colour(rng), patterned=0.3)
        body[shading.BOTTOM], fit["bottom"] = BOTTOM_ROW, 0.006
        body[shading.BOTTOM_HEM] = 0.12
        if rng.random() < 0.2 + 0.6 * season:
            # Tights: the sock material all the way up.
            body[shading.SOCKS], body[shading.SOCK_TOP] = SOCK_ROW, 0.0
            materials[SOCK_ROW] = plain_material(cloth_colour(rng) * 0.5, noise=0.03)
        return ("dress" if dress else "skirt"), float(np.clip(rng.normal(0.55, 0.2), 0.25, 0.98))
    body[shading.BOTTOM] = BOTTOM_ROW
    short = rng.random() < np.interp(season, [0.0, 0.35, 0.6], [0.6, 0.25, 0.0])
    body[shading.BOTTOM_HEM] = rng.uniform(0.22, 0.55) if short else rng.uniform(0.93, 1.09)
    leggings = not is_man and not short and rng.random() < 0.3
    wide = not leggings and rng.random() < 0.25
    fit["bottom"] = rng.uniform(0.002, 0.004) if leggings else rng.uniform(0.016, 0.034) if wide else rng.uniform(0.006, 0.02)
    fit["flare"] = 0.0 if leggings else float(np.clip(rng.normal(0.045 if wide else 0.016, 0.014), 0.0, 0.08))
    return ("shorts" if short else "leggings" if leggings else "trousers"), None


def _draw_shoes(rng: np.random.Generator, body: NDArray, materials: NDArray, fit: dict, season: float) -> None:
    materials[SHOE_ROW] = cloth(rng, shoe_colour(rng), patterned=0.1, bump=0.1, gloss=rng.uniform(0, 0.15))
    draw = rng.random()
    body[shading.SHOE_TOP] = rng.uniform(1.0, 1.07) if draw < 0.8 - 0.3 * season else rng.uniform(0.66, 0.97)
    fit["shoe"], fit["sole"] = rng.uniform(0.009, 0.015), rng.uniform(0.012, 0.036)
    if rng.random() < 0.03:
        body[shading.SHOES], fit["shoe"], fit["sole"] = -1, 0.0, 0.0
    elif body[shading.SOCKS] < 0 and rng.random() < 0.6:
        body[shading.SOCKS], body[shading.SOCK_TOP] = SOCK_ROW, rng.uniform(0.72, 1.0)
        materials[SOCK_ROW] = plain_material(cloth_colour(rng), noise=0.03)
    if season > 0.8 and rng.random() < 0.35:
        body[shading.GLOVES] = GLOVE_ROW
        materials[GLOVE_ROW] = cloth(rng, shoe_colour(rng), patterned=0.0)


def _draw_hair(rng: np.random.Generator, body: NDArray, materials: NDArray, fit: dict, identity: Identity) -> str:
    is_man = identity.gender == MALE
    materials[HAIR_ROW] = plain_material(hair_colour(rng, identity.age_years), bump=0.5, bump_size_m=0.015, gloss=0.12,
                                         noise=0.22, seed=int(rng.integers(1 << 20)))
    styles = HAIR_STYLES[identity.gender]
    style = str(rng.choice(list(styles), p=list(styles.values())))
    if style == "bald" and identity.age_years < 25:
        style = "short"
    body[shading.HAIR] = -1 if style == "bald" else HAIR_ROW
    body[shading.HAIRLINE] = rng.uniform(-0.008, 0.012) if identity.age_years < 45 or not is_man else rng.uniform(0, 0.045)
    low, high = {"bald": (0.0, 0.0), "cropped": (0.003, 0.006), "afro": (0.03, 0.11), "big": (0.03, 0.075),
                 "scarf": (0.006, 0.03), "bun": (0.004, 0.012), "ponytail": (0.004, 0.015)}.get(style, (0.01, 0.035))
    fit["hair"] = rng.uniform(low, high)
    if style == "scarf":
        materials[HAIR_ROW] = cloth(rng, cloth_colour(rng), patterned=0.25, bump=0.3)
        body[shading.HAIRLINE] = -0.012
    if is_man and identity.age_years > 18 and rng.random() < 0.35:
        body[shading.BEARD] = rng.uniform(0.15, 0.75)
    return style


def _draw_hat(rng: np.random.Generator, body: NDArray, materials: NDArray, fit: dict, season: float,
              eye_m: NDArray, style: str) -> str:
    if style == "scarf" or rng.random() > 0.14 + 0.3 * max(0.0, season - 0.5):
        return ""
    summer, winter = ([0.45, 0.2, 0.02, 0.2, 0.1, 0.03], [0.15, 0.36, 0.14, 0.08, 0.05, 0.22])
    hat = str(rng.choice(["cap", "beanie", "bobble", "brim", "helmet", "hood"], p=summer if season < 0.6 else winter))
    if hat == "hood" and body[shading.OUTER] < 0:
        return ""
    row = OUTER_ROW if hat == "hood" else HAT_ROW
    body[shading.HAT] = row
    body[shading.HAT_LEVEL] = eye_m[2] + (rng.uniform(0.05, 0.075) if hat == "hood" else rng.uniform(0.03, 0.055))
    if row == HAT_ROW:
        colour = cloth_colour(rng) if rng.random() < 0.5 else shoe_colour(rng)
        materials[HAT_ROW] = cloth(rng, colour, patterned=0.15, bump=0.2)
    fit["hat"] = {"helmet": 0.035, "beanie": 0.014, "bobble": 0.022, "brim": 0.02, "hood": rng.uniform(0.02, 0.05)}.get(hat, 0.012)
    return hat


def _ramp(value: NDArray, edge: float, width: float) -> NDArray:
    """1 well below `edge`, 0 above it, linear over `width`."""
    return np.clip((edge - value) / width + 0.5, 0.0, 1.0)


def thickness(rng: np.random.Generator, outfit: Outfit, coordinates: NDArray) -> NDArray:
    """How far (V,) metres clothes, hair and shoes lift the surface off the rest body along its normals."""
    body, fit = outfit.materials[BODY_ROW], outfit.fit_m
    arm, height, hair = coordinates[:, ARM], coordinates[:, HEIGHT], coordinates[:, HAIR]
    waves = np.zeros(len(coordinates), dtype=np.float32)
    for _ in range(4):
        direction = rng.normal(0, 1, 3).astype(np.float32) * rng.uniform(6, 26)
        waves += np.sin(coordinates[:, :3] @ direction + np.float32(rng.uniform(0, 6.28)))
    looseness = 1.0 + 0.14 * waves
    off_arm = arm < 0.0
    below_neck = _ramp(-height, 1.02, 0.06)
    bottom = _ramp(height, body[shading.BOTTOM_HEM], 0.05) * _ramp(-height, -body[shading.WAIST], 0.05) * off_arm
    result = bottom * (fit["bottom"] + fit["flare"] * np.clip((height - 0.3) * 1.5, 0.0, 1.0)) * looseness
    top = _ramp(height, body[shading.TOP_HEM], 0.03) * _ramp(arm, body[shading.TOP_SLEEVE], 0.06) * below_neck
    sag = 1.0 + 0.5 * np.exp(-((height + 0.15) / 0.2) ** 2)
    result = result * (1.0 - 0.5 * top) + top * fit["top"] * looseness * sag
    if body[shading.OUTER] >= 0:
        outer = (_ramp(height, body[shading.OUTER_HEM], 0.03) * _ramp(arm, body[shading.OUTER_SLEEVE], 0.05)
                 * _ramp(-height, -body[shading.OUTER_COLLAR], 0.05))
        if body[shading.HOOD] > 0.5:
            outer = np.maximum(outer, (hair > -0.012) & (height < -0.95))
        result = result * (1.0 - 0.45 * outer) + outer * fit["outer"] * looseness * (1.0 + np.clip(arm - 0.4, 0.0, 0.6))
    hairy = np.clip((hair - body[shading.HAIRLINE]) / 0.02, 0.0, 1.0) * (height < -1.0)
    if outfit.hat:
        tilt = 0.25 * (coordinates[:, 0] - body[shading.EYE_X])
        hat = (coordinates[:, 2] - tilt > body[shading.HAT_LEVEL]) & (height < -1.0)
        result += hat * fit["hat"]
        hairy = hairy * (1.0 - hat)
    result += hairy * fit["hair"] * (1.0 + 0.15 * waves)
    shod = _ramp(-height, -body[shading.SHOE_TOP], 0.03) * off_arm
    return np.maximum(result + shod * fit["shoe"], 0.0).astype(np.float32)
