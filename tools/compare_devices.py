"""Depths of the bundled weights on a device against those on the CPU in float32; fails where they differ."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from hdnet_ros.core.types import Detection
from hdnet_ros.data.driving_scene import load_driving_scene
from hdnet_ros.locate.factory import EstimatorSettings, make_estimator

SCENE = Path(__file__).parents[1] / "test" / "data" / "driving_scene"
# Median and 95th percentile of the change of depth.
LIMITS = {"float32": (0.002, 0.005), "bfloat16": (0.005, 0.02), "float16": (0.005, 0.02)}


def depths_mm(device: str, engine: str, precision: str) -> np.ndarray:
    """Depths of everybody in some pictures of the scene that the tests bring."""
    settings = EstimatorSettings("hdnet", "", device, engine=engine, precision=precision, second_look="never")
    estimator, _ = make_estimator(settings, is_live=True)
    scene, found = load_driving_scene(SCENE), []
    for frame, image_rgb in scene.pictures(every=5):
        people = estimator.localize(image_rgb, [Detection(box) for box in frame.boxes.values()], scene.camera)
        found += [person.root_camera_mm[2] for person in people]
    return np.array(found)


def main() -> int:
    """Print and write the changes by precision; 1 where one is beyond its limits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    reference, results, is_bad = depths_mm("cpu", "torch", "float32"), {}, False
    for precision, limits in LIMITS.items():
        if options.device == "cpu" and precision == "float16":
            continue
        change = np.abs(depths_mm(options.device, "torch", precision) / reference - 1.0)
        median, p95 = float(np.median(change)), float(np.percentile(change, 95))
        results[precision] = {"people": len(change), "median": median, "p95": p95}
        is_bad |= median > limits[0] or p95 > limits[1]
        print(
            f"{options.device}, {precision}: depth of {len(change)} people moves by {100 * median:.3f} % "
            f"(median) and {100 * p95:.3f} % (p95), limits {100 * limits[0]:g} and {100 * limits[1]:g} %"
        )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(results, indent=1))
    return int(is_bad)


if __name__ == "__main__":
    sys.exit(main())
