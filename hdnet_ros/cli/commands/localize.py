"""`hdnet localize`: people in camera space from a picture, a folder or a video, no ROS."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np

from hdnet_ros.locate.factory import ESTIMATOR_NAMES, PATCH_MODES, SECOND_LOOKS, EstimatorSettings, make_estimator
from hdnet_ros.model.engine_names import ENGINES, PRECISIONS
from hdnet_ros.locate.protocol import BoxedImage
from hdnet_ros.cli.commands.progress import progress_bar
from hdnet_ros.files.boxes_file import load_boxes
from hdnet_ros.core.camera import Camera
from hdnet_ros.files.camera_files import load_camera
from hdnet_ros.files.frames import Frame, FrameSource
from hdnet_ros.locate.detectors import DEFAULT_DETECTOR, DETECTOR_NAMES, PRESET_NAMES, Detector, make_detector
from hdnet_ros.files.roots_file import frame_record, write_records
from hdnet_ros.tracking.tracking import PersonTracker
from hdnet_ros.core.types import Detection

Detect = Callable[[Frame], list[Detection]]


@click.command()
@click.option("--source", required=True, help="Picture, folder of pictures, video or /dev/video<N>.")
@click.option("--camera", "camera_path", required=True, help="Calibration: camera_info YAML or JSON.")
@click.option("--boxes", "boxes_path", help="boxes.json with people's boxes, and joints where it has them; without it a detector runs.")
@click.option("--detector", type=click.Choice(DETECTOR_NAMES), default=DEFAULT_DETECTOR, show_default=True,
              help="nanodet is bundled, hog needs no weights; torchvision's want --detector-weights: maskrcnn, as in the paper, fasterrcnn, keypointrcnn, which finds joints, too.")  # fmt: skip
@click.option("--preset", type=click.Choice(PRESET_NAMES), default="good", show_default=True,
              help="What nanodet is shown: fast, good, or wide, which adds tiles of wide pictures.")  # fmt: skip
@click.option("--detector-weights", help="File of the detector's weights; nothing is downloaded.")
@click.option("--estimator", "estimator_name", type=click.Choice(ESTIMATOR_NAMES), default="auto", show_default=True)
@click.option("--weights", help="HDNet checkpoint (.safetensors); without it the bundled one.")
@click.option("--patch", type=click.Choice(PATCH_MODES), default="checkpoint", show_default=True, help="checkpoint: as the weights were trained.")
@click.option("--second-look", type=click.Choice(SECOND_LOOKS), default="auto", show_default=True,
              help="HDNet's mean over two patches of each person: steadier, half as fast; auto: where the weights allow it.")  # fmt: skip
@click.option("--joints-from", type=click.Choice(["network", "detection"]), default="network", show_default=True,
              help="Whose pixels of root and joints count: HDNet's, or those that come with the boxes.")  # fmt: skip
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--engine", type=click.Choice(ENGINES), default="auto", show_default=True,
              help="What runs the networks; auto: OpenVINO on an x86 processor where it is installed.")  # fmt: skip
@click.option("--precision", type=click.Choice(PRECISIONS), default="auto", show_default=True,
              help="What the networks compute in; auto: bfloat16 on processors that multiply in it.")  # fmt: skip
@click.option("--frames", type=click.IntRange(min=1), help="Stop after so many frames.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="JSON lines, one a frame.")
def localize(source, camera_path, boxes_path, detector, preset, detector_weights, estimator_name, weights, patch,
             second_look, joints_from, device, engine, precision, frames, out):  # fmt: skip
    """Locate people in metres and write one JSON line a frame.

    Each line is {"frame", "stamp_ns", "persons": [{"id", "score", "box_xywh_center_px",
    "root_camera_mm", "depth_sigma_mm", "joints_px", "focal_px", "patch_px"}]}: px of the picture,
    millimetres in the camera's optical frame (x right, y down, z forward). Weights with a 3D pose add
    "joints_camera_mm"; --joints-from detection adds "root_network_camera_mm", the root at HDNet's own pixel.
    """
    try:
        pictures = FrameSource(source)
        camera = load_camera(camera_path)
        check_sizes(camera, camera_path, pictures)
        if pictures.orientation:
            click.echo(pictures.orientation, err=True)
        runs = {"engine": engine, "precision": precision}
        settings = EstimatorSettings(
            estimator_name, weights or "", device, patch, second_look=second_look, joints_from=joints_from, **runs
        )
        estimator, remark = make_estimator(settings, is_live=False)
        if remark:
            click.echo(remark, err=True)
        detect, last_frame = _boxes_or_detector(
            boxes_path, camera, lambda: make_detector(detector, detector_weights, device=device, preset=preset, **runs)
        )
        total = _total(pictures.frame_count, frames, last_frame)
        out.parent.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        counts = _Counts()
        tracker = None if boxes_path else PersonTracker()
        records = _records(pictures, camera, estimator, detect, tracker, total, counts)
        with progress_bar() as bar:
            write_records(out, bar.track(records, total=total, description=f"localize ({estimator.name})"))
    except KeyboardInterrupt:
        raise click.ClickException(f"interrupted; {out} holds the frames before") from None
    except (ValueError, OSError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error
    seconds = time.perf_counter() - started
    click.echo(
        f"{out}: {counts.frames} frames, {counts.people} people by {estimator.name}, "
        f"{counts.frames / seconds:.1f} frames/s" + (f" ({estimator.engine})" if estimator.engine else "")
    )
    if counts.rejected:
        click.echo(f"{counts.rejected} boxes left out, the first: {counts.first_reason}")
    if last_frame is not None and pictures.frame_count and last_frame + 1 < pictures.frame_count and not frames:
        click.echo(f"{boxes_path} ends at frame {last_frame}; the frames after it were not looked at")


class _Counts:
    frames = 0
    people = 0
    rejected = 0
    first_reason = ""


def check_sizes(camera: Camera, camera_path: str, pictures: FrameSource) -> None:
    """Raise a ValueError naming both sizes unless the camera is of the pictures' size."""
    if tuple(camera.size_wh_px) != tuple(pictures.size_wh_px):
        (cw, ch), (w, h) = camera.size_wh_px, pictures.size_wh_px
        why = f"; {pictures.orientation}" if pictures.orientation else ""
        raise ValueError(f"{camera_path} is of a {cw} x {ch} px camera, {pictures.path} has {w} x {h} px{why}")


def _boxes_or_detector(
    boxes_path: str | None, camera: Camera, make: Callable[[], Detector]
) -> tuple[Detect, int | None]:
    """Return what gives the boxes of a frame, and the last frame that it knows (None: any)."""
    if boxes_path:
        boxes = load_boxes(boxes_path, camera.size_wh_px)
        return lambda frame: boxes.get(frame.index, []), max(boxes, default=-1)
    detector = make()
    return lambda frame: detector.detect(frame.image_rgb), None


def _total(frame_count: int | None, wanted: int | None, last_frame: int | None) -> int | None:
    limits = [limit for limit in (frame_count, wanted) if limit is not None]
    if last_frame is not None:
        limits.append(last_frame + 1)
    return min(limits, default=None)


def _records(
    pictures: FrameSource, camera: Camera, estimator, detect: Detect, tracker: PersonTracker | None,
    total: int | None, counts: _Counts,
) -> Iterator[dict]:  # fmt: skip
    for frame in pictures:
        if total is not None and frame.index >= total:
            return
        boxed = BoxedImage(np.ascontiguousarray(frame.image_rgb), detect(frame), camera)
        (located,) = estimator.localize_many([boxed])
        persons = located.people
        if tracker is not None:
            persons = [tracked.estimate for tracked in tracker.update(frame.stamp_ns, persons)]
        counts.frames += 1
        counts.people += len(persons)
        counts.rejected += len(located.rejected)
        if located.rejected and not counts.first_reason:
            index, reason = located.rejected[0]
            counts.first_reason = f"frame {frame.index}, box {index}: {reason}"
        yield frame_record(frame.index, frame.stamp_ns, persons)
