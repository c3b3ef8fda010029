"""`hdnet localize`: people in camera space from an image, a folder or a video, no ROS."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np

from hdnet_ros.cli.commands.progress import progress_bar
from hdnet_ros.cli.commands.setting_options import given_values, setting_option, settings_of
from hdnet_ros.core.camera import Camera
from hdnet_ros.core.types import Detection
from hdnet_ros.files.boxes_file import load_boxes
from hdnet_ros.files.frames import Frame, FrameSource
from hdnet_ros.files.source import open_source
from hdnet_ros.files.roots_file import frame_record, write_records
from hdnet_ros.pipeline.bad_input import BadInput
from hdnet_ros.pipeline.settings import DETECTOR_SETTINGS, HDNET_SETTINGS
from hdnet_ros.pipeline.tally import Tally

Detect = Callable[[Frame], list[Detection]]
# A stamp of zero tells no time, and a video's first frame has it.
_FIRST_STAMP_NS = 1_000_000_000
_CAMERA_FRAME = "camera"


@click.command()
@click.option("--source", required=True, help="Image, folder of images, video or /dev/video<N>.")
@click.option("--camera", "camera_path", required=True, help="Calibration: camera_info YAML or JSON.")
@click.option("--boxes", "boxes_path", help="boxes.json with people's boxes, and joints where it has them; without it a detector runs.")  # fmt: skip
@setting_option(DETECTOR_SETTINGS, "detector")
@setting_option(DETECTOR_SETTINGS, "preset")
@setting_option(DETECTOR_SETTINGS, "weights", "--detector-weights", "detector_weights")
@setting_option(HDNET_SETTINGS, "estimator")
@setting_option(HDNET_SETTINGS, "weights")
@setting_option(HDNET_SETTINGS, "patch")
@setting_option(HDNET_SETTINGS, "second_look")
@setting_option(HDNET_SETTINGS, "joints_from")
@setting_option(HDNET_SETTINGS, "device")
@setting_option(HDNET_SETTINGS, "engine")
@setting_option(HDNET_SETTINGS, "precision")
@click.option("--camera-height", "height_m", type=click.FloatRange(0.01, 100.0),
              help="Of the camera over a level floor [m]: statures count from it, and with -p ground_depth:=true depths.")  # fmt: skip
@click.option("--camera-pitch", "pitch_deg", type=click.FloatRange(-90.0, 90.0), default=0.0, show_default=True,
              help="How far the camera looks down [degrees]; with --camera-height.")  # fmt: skip
@click.option("--params-file", help="Parameter file of hdnet_node and detector_node, as ROS takes it.")
@click.option("-p", "--param", "params", multiple=True, metavar="NAME:=VALUE",
              help="A parameter of hdnet_node; detector_node's as detector_node.NAME:=VALUE.")  # fmt: skip
@click.option("--frames", type=click.IntRange(min=1), help="Stop after so many frames.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="JSON lines, one a frame.")
def localize(source, camera_path, boxes_path, height_m, pitch_deg, params_file, params, frames, out, **given):
    """Locate and follow people as hdnet_node does, and write one JSON line a frame.

    Each line is {"frame", "stamp_ns", "persons": [{"id", "score", "box_xywh_center_px",
    "root_camera_mm", "depth_sigma_mm", "joints_px", "focal_px", "patch_px"}]}: px of the image,
    millimetres in the camera's optical frame (x right, y down, z forward). Weights with a 3D pose add
    "joints_camera_mm"; --joints-from detection adds "root_network_camera_mm", the root at HDNet's own pixel.
    """
    mine, detectors = given_values(params)
    of_detector = {name: given.pop(name) for name in ("detector", "preset")}
    of_detector |= {name: given[name] for name in ("device", "engine", "precision")}
    of_detector["weights"] = given.pop("detector_weights")
    options = settings_of(HDNET_SETTINGS, "hdnet_node", params_file, _known(given) | mine)
    detector_options = settings_of(DETECTOR_SETTINGS, "detector_node", params_file, _known(of_detector) | detectors)
    try:
        run = _Run(*open_source(source, camera_path), options)
        if run.frames.orientation:
            click.echo(run.frames.orientation, err=True)
        detect, last_frame = _boxes_or_detector(boxes_path, run.camera, detector_options)
        total = _total(run.frames.frame_count, frames, last_frame)
        out.parent.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        floor = None if height_m is None else floor_lookup(options["ground_frame"], height_m, np.radians(pitch_deg))
        records = run.records(detect, floor, total)
        with progress_bar() as bar:
            write_records(out, bar.track(records, total=total, description="localize"))
    except KeyboardInterrupt:
        raise click.ClickException(f"interrupted; {out} holds the frames before") from None
    except (ValueError, OSError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error
    seconds = time.perf_counter() - started
    tally = run.tally
    click.echo(
        f"{out}: {tally.images} frames, {tally.people} people by {run.estimator_name}, "
        f"{tally.images / seconds:.1f} frames/s" + (f" ({run.engine})" if run.engine else "")
    )
    for sentence in tally.sentences():
        click.echo(sentence)
    if last_frame is not None and run.frames.frame_count and last_frame + 1 < run.frames.frame_count and not frames:
        click.echo(f"{boxes_path} ends at frame {last_frame}; the frames after it were not looked at")


@dataclass
class _Run:
    """Frames through the pipeline, and what became of them."""

    frames: FrameSource
    camera: Camera
    options: dict[str, Any]
    estimator_name: str = ""
    engine: str = ""
    tally: Tally = field(default_factory=Tally)

    def records(self, detect: Detect, lookup: Callable | None, total: int | None) -> Iterator[dict]:
        """Yield the line of each frame."""
        from hdnet_ros.locate.factory import EstimatorSettings, make_estimator
        from hdnet_ros.pipeline.pipeline import locate, make_pipeline
        from hdnet_ros.pipeline.scene import Shot
        from hdnet_ros.pipeline.wanted import DetectionFilter

        estimator, remark = make_estimator(EstimatorSettings.of(self.options), is_live=False)
        self.estimator_name, self.engine = estimator.name, estimator.engine
        if remark:
            click.echo(remark, err=True)
        pipeline = make_pipeline(self.options, lookup, lambda sentence: None)
        wanted = DetectionFilter.of(self.options)
        for frame in self.frames:
            if total is not None and frame.index >= total:
                return
            kept, left_out = wanted.best(detect(frame))
            image_rgb = np.ascontiguousarray(frame.image_rgb)
            stamp_ns = frame.stamp_ns + _FIRST_STAMP_NS
            shot = Shot(stamp_ns, _CAMERA_FRAME, image_rgb, kept, self.camera)
            (located,) = locate(estimator, [shot])
            scene = pipeline.scene(located)
            self.tally.images += 1
            self.tally.people += len(scene.people)
            for fault in (*(BadInput("detections", told) for told in left_out), *scene.remarks):
                self.tally.remark(fault, f"frame {frame.index}: {fault.reason}")
            yield frame_record(frame.index, frame.stamp_ns, [person.estimate for person in scene.people])


def _known(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def floor_lookup(ground_frame: str, height_m: float, pitch_rad: float) -> Callable:
    """Return what stands in for TF where a camera looks down on a level floor from a height.

    Parameters
    ----------
    ground_frame : on the floor below the camera, x ahead, y left, z up
    height_m : of the camera's optical centre
    pitch_rad : how far it looks down; positive is down
    """
    sine, cosine = np.sin(pitch_rad), np.cos(pitch_rad)
    to_camera = np.eye(4)
    # Columns: x (ahead), y (left), z (up) of the floor's frame in the optical one.
    to_camera[:3, :3] = np.array([[0.0, -1.0, 0.0], [-sine, 0.0, -cosine], [cosine, 0.0, -sine]])
    to_camera[:3, 3] = -height_m * to_camera[:3, 2]

    def lookup(stamp_ns: int, source: str, target: str) -> np.ndarray | None:
        return to_camera if (source, target) == (ground_frame, _CAMERA_FRAME) else None

    return lookup


def _boxes_or_detector(
    boxes_path: str | None, camera: Camera, options: dict[str, Any]
) -> tuple[Detect, int | None]:
    """Return what gives the boxes of a frame, and the last frame that it knows (None: any)."""
    if boxes_path:
        boxes = load_boxes(boxes_path, camera.size_wh_px)
        return lambda frame: boxes.get(frame.index, []), max(boxes, default=-1)
    from hdnet_ros.locate.backends import make_people_detector

    detector, _ = make_people_detector(options)
    return lambda frame: detector.detect(frame.image_rgb), None


def _total(frame_count: int | None, wanted: int | None, last_frame: int | None) -> int | None:
    limits = [limit for limit in (frame_count, wanted) if limit is not None]
    if last_frame is not None:
        limits.append(last_frame + 1)
    return min(limits, default=None)
