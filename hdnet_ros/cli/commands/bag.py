"""`hdnet bag`: recordings in, recordings with the people in them out, no ROS."""

from __future__ import annotations

import signal
from pathlib import Path

import click

from hdnet_ros.cli.commands.progress import progress_bar
from hdnet_ros.cli.commands.setting_options import given_values, settings_of
from hdnet_ros.locate.detectors import DEFAULT_DETECTOR, DETECTOR_NAMES
from hdnet_ros.pipeline.settings import DETECTOR_SETTINGS, HDNET_SETTINGS


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="IN... OUT")
@click.option("--image-topic", default="", help="Image or CompressedImage; default: the only one.")
@click.option("--camera-info-topic", default="", help="Default: the only one, or the one beside the images.")
@click.option("--detections-topic", default="", help="Detection2DArray; default: likewise.")
@click.option("--camera", "camera_file", default="", help="Calibration to use instead of camera_info.")
@click.option("--detector", type=click.Choice(DETECTOR_NAMES),
              help=f"Find people anew; default: the recording's detections, else {DEFAULT_DETECTOR}.")  # fmt: skip
@click.option("--params-file", help="Parameter file of hdnet_node and detector_node, as ROS takes it.")
@click.option("-p", "--param", "params", multiple=True, metavar="NAME:=VALUE",
              help="A parameter of hdnet_node; detector_node's as detector_node.NAME:=VALUE.")  # fmt: skip
@click.option("--node", default="/hdnet_node", show_default=True, help="Node name of the results' topics.")
@click.option("--storage", type=click.Choice(["mcap", "sqlite3"]), default="mcap", show_default=True)
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Recordings at a time.")
@click.option("--ray", "ray_address", help="Address of a Ray cluster (auto, local, HOST:PORT); shared files.")
@click.option("--overwrite", is_flag=True, help="Do again what is done.")
def bag(paths, image_topic, camera_info_topic, detections_topic, camera_file, detector, params_file, params,
        node, storage, jobs, ray_address, overwrite):  # fmt: skip
    """Locate the people of recordings.

    IN is a rosbag2 (MCAP or sqlite3) or a ROS 1 bag. Of one IN, OUT is the rosbag2 to write; of
    several, the folder for theirs. OUT holds what hdnet_node publishes for every image, at the
    images' stamps, and the recording's camera_info, detections and TF. What is done is left as it
    is, so an interrupted run goes on when it is started again.
    """
    from hdnet_ros.bags.errors import BagError
    from hdnet_ros.bags.settings import BagJob
    from hdnet_ros.bags.source import Topics

    try:
        mine, detectors = given_values(params)
        options = settings_of(HDNET_SETTINGS, "hdnet_node", params_file, mine)
        found = settings_of(
            DETECTOR_SETTINGS, "detector_node", params_file, detectors | ({"detector": detector} if detector else {})
        )
        common = {
            "topics": Topics(image_topic, camera_info_topic, detections_topic),
            "camera_file": camera_file,
            "options": options,
            "detector_options": found,
            "detect": detector is not None,
            "node": "/" + node.strip("/"),
            "storage": storage,
            "overwrite": overwrite,
        }
        work = [BagJob(source, target, **common) for source, target in _targets(paths)]
        failures = _run(work, jobs, ray_address)
    except KeyboardInterrupt:
        # A second one would only spoil the way out.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise click.ClickException("interrupted; the same command goes on") from None
    except BagError as error:
        raise click.ClickException(str(error)) from error
    if failures:
        raise click.ClickException(f"{failures} of {len(work)} recordings failed")


def _targets(paths: tuple[Path, ...]) -> list[tuple[Path, Path]]:
    """Return each recording with the bag that is written for it."""
    *sources, out = paths
    if not sources:
        raise click.UsageError("expected IN... OUT, got one path")
    if len(sources) == 1:
        return [(sources[0], out)]
    targets = [out / (source.name if source.is_dir() else source.stem) for source in sources]
    double = sorted({str(target) for target in targets if targets.count(target) > 1})
    if double:
        raise click.UsageError(f"several recordings would be written to {', '.join(double)}")
    return list(zip(sources, targets))


def _run(work, processes: int, ray_address: str | None) -> int:
    """Answer all; return how many failed."""
    from hdnet_ros.bags.errors import BagError
    from hdnet_ros.bags.many import answer_in_processes, answer_with_ray

    failures = 0
    with progress_bar() as bar:
        total = bar.add_task("images" if not ray_address else "recordings", total=None)
        counts: dict[int, tuple[int, int]] = {}

        def on_images(number: int, done: int, images: int) -> None:
            counts[number] = (done, images)
            known = len(counts) == len(work)
            bar.update(
                total,
                completed=sum(count for count, _ in counts.values()),
                total=sum(images for _, images in counts.values()) if known else None,
            )

        def on_outcome(job, outcome) -> None:
            nonlocal failures
            failures += isinstance(outcome, BagError)
            click.echo(_sentence(job, outcome))
            if ray_address:
                bar.update(total, advance=1, total=len(work))

        if ray_address:
            answer_with_ray(work, ray_address, on_outcome)
        elif len(work) == 1:
            on_outcome(work[0], _alone(work[0], on_images))
        else:
            answer_in_processes(work, min(processes, len(work)), on_images, on_outcome)
    return failures


def _alone(job, on_images):
    from hdnet_ros.bags.answer import answer_bag
    from hdnet_ros.bags.errors import BagError

    try:
        return answer_bag(job, lambda done, images: on_images(0, done, images))
    except BagError as error:
        return error


def _sentence(job, outcome) -> str:
    if isinstance(outcome, Exception):
        return f"Error: {outcome}"
    if outcome.was_there:
        return f"{outcome.target}: done before"
    resumed = f", {outcome.inferred_before} answers of an earlier run" if outcome.inferred_before else ""
    lines = [
        f"{outcome.target}: {outcome.answered} of {outcome.images} images answered, {outcome.people} people by "
        f"{outcome.estimator}, boxes from {outcome.boxes}{resumed}; {outcome.images / outcome.seconds:.1f} images/s"
    ]
    return "\n".join([*lines, *(f"  {remark}" for remark in outcome.remarks)])
