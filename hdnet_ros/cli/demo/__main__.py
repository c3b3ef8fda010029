"""`python -m hdnet_ros.cli.demo`: people in metres through real nodes, with a video to look at."""

from __future__ import annotations

import math
import signal
import sys
import time
from pathlib import Path

import click
from rich.console import Console

from hdnet_ros.cli.commands.failures import missing_package
from hdnet_ros.cli.commands.progress import progress_bar
from hdnet_ros.files.camera_files import load_camera, load_camera_pose
from hdnet_ros.files.frames import FrameSource
from hdnet_ros.files.roots_file import write_records
from hdnet_ros.locate.factory import have_waiting_threads_sleep
from hdnet_ros.locate.detectors import DEFAULT_DETECTOR, DETECTOR_NAMES, PRESET_NAMES, Detector, make_detector

_DEFAULT_FRAMES = 150
_LONGEST_S = 60.0
# The detector's share of the time: HDNet takes on two cores two thirds of what HOG takes, DDS a little.
_DETECTOR_SHARE = 0.4


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--source", type=click.Path(path_type=Path), help="Video, folder, picture or /dev/video<N>; default: a clip made here.")
@click.option("--camera", type=click.Path(path_type=Path), help="Its calibration: camera_info YAML or JSON.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("out/demo"), show_default=True)
@click.option("--frames", type=click.IntRange(min=1), help=f"Images to show; default {_DEFAULT_FRAMES}, fewer where that takes over {_LONGEST_S:.0f} s.")
@click.option("--rate", "rate_hz", type=click.FloatRange(min=0.01), help="Images per second; default: what the detector keeps up with here.")
@click.option("--detector", type=click.Choice(DETECTOR_NAMES), default=DEFAULT_DETECTOR, show_default=True)
@click.option("--preset", type=click.Choice(PRESET_NAMES), default="good", show_default=True, help="What nanodet is shown; wide adds tiles of wide pictures.")
@click.option("--detector-weights", default="", help="File of the detector's weights; nothing is downloaded.")
@click.option("--estimator", type=click.Choice(["auto", "hdnet", "box-height", "box-area"]), default="auto", show_default=True)
@click.option("--weights", default="", help="HDNet checkpoint; default: the bundled one.")
@click.option("--device", default="auto", show_default=True)
def main(source, camera, out, frames, rate_hz, detector, preset, detector_weights, estimator, weights, device):
    """Run video, detector and HDNet node as three processes, record them, draw what they say."""
    # A plain kill must end the nodes as well: it becomes an exception, which leaves all contexts.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(highlight=False)
    try:
        out = out.absolute()
        out.mkdir(parents=True, exist_ok=True)
        source, camera = _source_and_camera(source, camera, out, frames or _DEFAULT_FRAMES)
        pictures = FrameSource(source)
        stride = 1
        if not rate_hz:
            rate_hz, stride = _fitting_rate_hz(console, pictures, _detector(detector, preset, detector_weights, device))
        frames = _frame_limit(frames, rate_hz, stride, pictures)
        _run(console, source, camera, out, frames, dict(
            rate_hz=rate_hz, stride=stride, detector=detector, preset=preset, detector_weights=_absolute(detector_weights),
            estimator=estimator, weights=_absolute(weights), device=device,
        ))  # fmt: skip
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; all nodes have been stopped") from None
    except (ValueError, OSError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error
    return 0


def _run(console: Console, source: Path, camera: Path, out: Path, frames: int, nodes: dict) -> None:
    try:
        from hdnet_ros.cli.demo.session import Settings, record
        from hdnet_ros.cli.demo.summary import print_summary, summarise
    except ImportError as error:
        raise RuntimeError(f"the demo cannot start: {missing_package(error)}") from error
    with progress_bar() as bar:
        task = bar.add_task("starting the nodes", total=frames or None)
        recording = record(
            Settings(source=source, camera=camera, out=out, frames=frames, **nodes),
            lambda phase, images, answers: bar.update(
                task, description=f"{phase}, {answers} answered", completed=images
            ),
        )
    records = _records(recording, nodes["stride"])
    write_records(out / "persons.jsonl", records)
    estimator = recording.answers[-1].estimator
    _draw(out, source, camera, estimator, records)
    summary = summarise(recording.image_stamps_ns, recording.answers)
    print_summary(console, summary, estimator, nodes["detector"], _shown(out))


def _draw(out: Path, source: Path, camera: Path, estimator: str, records: list[dict]) -> None:
    from hdnet_ros.cli.demo.bag import read_images
    from hdnet_ros.cli.demo.draw import Clip, draw_clip
    from hdnet_ros.ros.recorder import IMAGE_TOPIC

    pose = load_camera_pose(camera)
    up = None if pose is None else pose[0][:, 2]
    pictures = FrameSource(source)
    own_rate_hz = None if pictures.kind == "device" else pictures.rate_hz
    clip = Clip(source.name, estimator, load_camera(camera), up, records, own_rate_hz)
    with progress_bar() as bar:
        task = bar.add_task("drawing", total=len(records))
        images = read_images(out / "bag", IMAGE_TOPIC)
        draw_clip(clip, images, out / "demo.mp4", out / "demo.png", lambda: bar.advance(task))


def _records(recording, stride: int) -> list[dict]:
    """Return a line of persons.jsonl per answered image, in the order of the stamps."""
    number = {stamp: index * stride for index, stamp in enumerate(sorted(set(recording.image_stamps_ns)))}
    answers = sorted(recording.answers, key=lambda answer: answer.stamp_ns)
    return [
        {"frame": number[answer.stamp_ns], "stamp_ns": answer.stamp_ns, "persons": answer.persons}
        for answer in answers
        if answer.stamp_ns in number
    ]


def _source_and_camera(
    source: Path | None, camera: Path | None, out: Path, frames: int
) -> tuple[Path, Path]:
    if source is None:
        from hdnet_ros.cli.demo.synthetic_clip import write_clip

        click.echo("no --source: showing a clip that is made here (drawn people, known distances)")
        return write_clip(out / "clip", frames)
    if camera is None:
        raise ValueError(
            f"--source {source} needs --camera with its calibration (camera_info YAML, as "
            "camera_calibration writes it): without the focal length there are no metres"
        )
    return source.absolute(), camera.absolute()


def _detector(name: str, preset: str, weights: str, device: str) -> Detector:
    # Threads that spin while they wait would be timed instead of the detector.
    have_waiting_threads_sleep()
    return make_detector(name, _absolute(weights) or None, device=device, preset=preset)


def _fitting_rate_hz(
    console: Console, pictures: FrameSource, detector: Detector
) -> tuple[float, int]:
    """Return a rate at which most images are answered and the stride that keeps people's speed.

    Webcams keep their own rate, (0, 1). Of pictures none is left out: they come more slowly.
    """
    if pictures.kind == "device":
        return 0.0, 1
    own = pictures.rate_hz or 30.0
    image_rgb = next(iter(pictures)).image_rgb
    seconds = []
    for _ in range(4):
        started = time.perf_counter()
        detector.detect(image_rgb)
        seconds.append(time.perf_counter() - started)
    affordable = max(0.5, _DETECTOR_SHARE / sorted(seconds)[1])
    if pictures.kind != "video":
        own = min(own, affordable)
    stride = max(1, math.ceil(own / affordable))
    console.print(
        f"The detector takes {1000 * sorted(seconds)[1]:.0f} ms an image on this machine: "
        f"showing {own / stride:.1f} of the source's {own:g} images a second"
    )
    return own / stride, stride


def _frame_limit(wanted: int | None, rate_hz: float, stride: int, pictures: FrameSource) -> int:
    """Return how many images to show; a webcam gives the default number."""
    if wanted is None:
        wanted = min(_DEFAULT_FRAMES, max(20, int(_LONGEST_S * (rate_hz or 5.0))))
    return min(wanted, -(-pictures.frame_count // stride)) if pictures.frame_count else wanted


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute()) if path else ""


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    main()
