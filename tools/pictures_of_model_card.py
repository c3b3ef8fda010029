#!/usr/bin/env python3
"""Draw the model card's two pictures: joints on the real clip, and the worst cases of a hold-out.

    tools/pictures_of_model_card.py joints --root pets --video vtest.avi [--out docs/joints.jpg]
    tools/pictures_of_model_card.py failures --root holdout [--out docs/failures.jpg]

Both ask the bundled weights (or --weights) with two looks where they allow it, as `hdnet eval` does. On the clip
the person's right side is red, the left one blue, the rest green; a tile says the estimated and the true depth.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from hdnet_ros.core.skeleton import JOINT_NAMES, LINKS
from hdnet_ros.data.clip import pictures_of_clip
from hdnet_ros.data.ground_plane import load_ground_plane_clip
from hdnet_ros.data.holdout import pictures_in
from hdnet_ros.data.labelled import LabelledPicture
from hdnet_ros.evaluate.benchmark import Rows, run
from hdnet_ros.evaluate.worst_cases import person_picture
from hdnet_ros.locate.factory import EstimatorSettings, make_estimator

DOCS = Path(__file__).resolve().parents[1] / "docs"
SIDE_COLOURS = {"right": (255, 64, 48), "left": (64, 128, 255)}
MIDDLE_COLOUR = (48, 224, 64)
TILE_PX, TILES_WIDE, TILES = 240, 8, 40
# Of each kind the worst; a person is shown once.
KINDS = {
    "small child": lambda row: row["stature_mm"] < 1200,
    "lying, bent, seated": lambda row: "not upright" in row["groups"],
    "hidden or cut": lambda row: "occluded or cut" in row["groups"],
    "adult in full view": lambda row: "upright unoccluded adult" in row["groups"],
}
OF_EACH_KIND, CASE_WH_PX, TEXT_PX = 3, (300, 384), 44


def joints_on_clip(estimator, pictures: Sequence[LabelledPicture]) -> np.ndarray:
    """One person of each of forty pictures, (1200, 1920, 3) RGB."""
    tiles = list(itertools.islice(_joint_tiles(estimator, pictures), TILES))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % TILES_WIDE)
    return np.vstack([np.hstack(tiles[i : i + TILES_WIDE]) for i in range(0, len(tiles), TILES_WIDE)])


def _joint_tiles(estimator, pictures: Sequence[LabelledPicture]) -> Iterator[np.ndarray]:
    for number, picture in enumerate(pictures):
        i = number % len(picture.detections)
        people = estimator.localize(picture.image_rgb, [picture.detections[i]], picture.camera)
        if not people:
            continue
        (person,) = people
        x, y, width, height = picture.detections[i].box_xywh_center_px
        scale = 0.6 * TILE_PX / max(width, height)
        move = np.array([[scale, 0.0, TILE_PX / 2 - scale * x], [0.0, scale, TILE_PX / 2 - scale * y]])
        tile = cv2.warpAffine(picture.image_rgb, move, (TILE_PX, TILE_PX), flags=cv2.INTER_CUBIC)
        joints_px = np.round(person.joints_px * scale + move[:, 2]).astype(int).tolist()
        for first, second in LINKS:
            cv2.line(tile, joints_px[first], joints_px[second], _colour(second), 2, cv2.LINE_AA)
        _write(tile, f"{person.root_camera_mm[2] / 1000:.1f} ({picture.depth_mm[i] / 1000:.1f}) m", (4, 14))
        yield tile


def _colour(joint: int) -> tuple[int, int, int]:
    return SIDE_COLOURS.get(JOINT_NAMES[joint].split("_")[0], MIDDLE_COLOUR)


def worst_of_each_kind(rows: Rows, pictures: Sequence[LabelledPicture]) -> np.ndarray:
    """The worst three of each kind, (768, 1800, 3) RGB, with what was said and what is."""
    error = np.abs(np.array(rows.estimated_mm) / np.array(rows.true_mm) - 1)
    shown, tiles = set(), []
    for kind, belongs in KINDS.items():
        of_kind = [
            n for n in np.argsort(-error)
            if n not in shown and belongs({"stature_mm": rows.stature_mm[n], "groups": rows.groups[n]})
        ]  # fmt: skip
        shown |= set(of_kind[:OF_EACH_KIND])
        tiles += [_case(rows, pictures, n, kind) for n in of_kind[:OF_EACH_KIND]]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 6)
    return np.vstack([np.hstack(tiles[i : i + 6]) for i in range(0, len(tiles), 6)])


def _case(rows: Rows, pictures: Sequence[LabelledPicture], n: int, kind: str) -> np.ndarray:
    number, i = rows.key[n]
    picture = pictures[number]
    root_px = picture.camera.project(rows.root_camera_mm[n])
    box = picture.detections[i].box_xywh_center_px
    person = person_picture(picture.image_rgb, box, rows.joints_px[n], rows.true_joints_px[n], root_px)
    width, height = CASE_WH_PX
    person = cv2.resize(person, None, fx=340 / person.shape[0], fy=(height - TEXT_PX) / person.shape[0])[:, :width]
    tile = np.full((height, width, 3), 24, np.uint8)
    tile[: person.shape[0], : person.shape[1]] = person
    _write(tile, kind, (6, height - 26))
    said, true = rows.estimated_mm[n] / 1000, rows.true_mm[n] / 1000
    _write(tile, f"said {said:.1f} m, is {true:.1f} m, {rows.stature_mm[n] / 1000:.2f} m tall", (6, height - 6))
    return tile


def _write(tile: np.ndarray, text: str, at: tuple[int, int]) -> None:
    for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(tile, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, thickness, cv2.LINE_AA)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("picture", choices=["joints", "failures"])
    parser.add_argument("--root", type=Path, required=True, help="the clip's camera.json and boxes, or hold-out shards")
    parser.add_argument("--video", type=Path, help="joints: the clip")
    parser.add_argument("--weights", default="", help="by default the bundled ones")
    parser.add_argument("--most", type=int, default=700, help="failures: pictures of the hold-out")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.picture == "joints" and arguments.video is None:
        parser.error("joints needs --video, the clip that the boxes belong to")
    estimator, _ = make_estimator(EstimatorSettings(estimator="hdnet", weights=arguments.weights), is_live=False)
    if arguments.picture == "joints":
        clip = load_ground_plane_clip(arguments.root)
        drawn = joints_on_clip(estimator, list(pictures_of_clip(arguments.video, clip, every=10)))
    else:
        pictures = list(pictures_in(arguments.root, arguments.most))
        drawn = worst_of_each_kind(run(estimator, pictures), pictures)
    out = arguments.out or DOCS / f"{arguments.picture}.jpg"
    cv2.imwrite(str(out), np.ascontiguousarray(drawn[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 88])
    print(f"wrote {out}")


if __name__ == "__main__":
    main()
