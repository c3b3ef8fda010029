"""One recording from start to end: read, answered, written, once."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hdnet_ros.bags.errors import BagError
from hdnet_ros.bags.journal import Journal, JournalledDetector, JournalledEstimator
from hdnet_ros.bags.output import OutputBag, would_delete
from hdnet_ros.bags.replay import Replay
from hdnet_ros.bags.settings import BagJob
from hdnet_ros.bags.source import BagSource
from hdnet_ros.core.camera import Camera
from hdnet_ros.files.camera_files import load_camera
from hdnet_ros.locate.backends import BackendError, make_inner_detector, make_people_detector
from hdnet_ros.locate.factory import EstimatorError, EstimatorSettings, make_estimator
from hdnet_ros.locate.protocol import Estimator
from hdnet_ros.messages.convert import detections_to_msg
from hdnet_ros.messages.images import ImageDecoder
from hdnet_ros.messages.message_types import CompressedImage, Image
from hdnet_ros.messages.publication import Publication
from hdnet_ros.messages.shot import shot_from_messages
from hdnet_ros.pipeline.pairing import Pair
from hdnet_ros.pipeline.pipeline import locate, make_pipeline
from hdnet_ros.pipeline.scene import LocatedShot

Progress = Callable[[int, int], None]  # images so far, images in all


@dataclass(frozen=True)
class BagReport:
    """What became of one recording; `was_there`: an earlier run had finished it."""

    source: Path
    target: Path
    was_there: bool = False
    estimator: str = ""
    boxes: str = ""  # where boxes came from: a topic or a detector
    images: int = 0
    answered: int = 0
    people: int = 0
    inferred_before: int = 0
    seconds: float = 0.0
    remarks: tuple[str, ...] = ()


def answer_bag(job: BagJob, on_progress: Progress = lambda done, total: None) -> BagReport:
    """Write the recording of a job with all that the node publishes; return what became of it.

    The target appears complete or not at all. A run that was cut short leaves a journal beside
    it, and the next run goes on there. Any number of processes may be given the same job: one
    does it, the others wait and find it done.

    Raises
    ------
    BagError : the recording, the estimator or the detector cannot be used, the target cannot be
        written, or would replace the recording
    """
    try:
        return _answered(job, on_progress)
    except OSError as error:
        raise BagError(f"{error.filename or job.target}: {error.strerror or error}; nothing is left half written") from error


def _answered(job: BagJob, on_progress: Progress) -> BagReport:
    if _is_done(job):
        return BagReport(job.source, job.target, was_there=True)
    started = time.monotonic()
    with BagSource(job.source, job.topics) as source:
        _check_topics(source)
        made = _estimator(job.options)
        journal = Journal(journal_path(job.target), _fingerprint(job))
        finished = False
        try:
            if _is_done(job):
                finished = True
                return BagReport(job.source, job.target, was_there=True)
            report = _write(job, source, made, journal, on_progress, started)
            finished = True
            return report
        finally:
            journal.close(remove=finished or not len(journal))


def is_bag(target: Path, source: Path) -> bool:
    """Say whether the target for a recording's results is there.

    Raises
    ------
    BagError : something else is there, or the recording itself
    """
    if would_delete(target, source):
        raise BagError(
            f"{target}: the result would replace the recording {source}, which is left alone; "
            "give another place to write to"
        )
    if target.exists() and not (target / "metadata.yaml").is_file():
        raise BagError(f"{target} is there and is no rosbag2; it is left alone")
    return target.exists()


def read_camera(path: str | Path) -> Camera:
    """Return the camera of a calibration file.

    Raises
    ------
    BagError : no such file, or one that is malformed
    """
    try:
        return load_camera(path)
    except ValueError as error:
        raise BagError(str(error)) from error


def journal_path(target: Path) -> Path:
    """Return where the answers of an unfinished run are kept."""
    return target.with_name(f".{target.name}.journal")


def write_all(
    replay: Replay, publication: Publication, output: OutputBag, node: str, on_image: Callable[[], None]
) -> None:
    """Write what a replay yields, complete; on any error nothing is left of it."""
    try:
        for name, kind in publication.topics.items():
            if kind is not Image:
                output.declare(name.replace("~", node, 1), kind)
        for time_ns, topic, message in replay:
            output.write(time_ns, topic.replace("~", node, 1), message)
            if topic == "~/persons":
                on_image()
        output.finish()
    except BaseException:
        output.abandon()
        raise


def _write(
    job: BagJob, source: BagSource, made: tuple[Estimator, str], journal: Journal, on_progress: Progress, started: float
) -> BagReport:
    decoder = ImageDecoder()
    detect, boxes = _boxes(job, source, decoder, journal)
    estimator, remark = made
    kept = JournalledEstimator(estimator, journal)
    camera = read_camera(job.camera_file) if job.camera_file else None
    told: list[str] = [remark] if remark else []
    transforms = source.transforms(job.options["tf_prefix"])
    pipeline = make_pipeline(job.options, transforms, told.append)
    publication = Publication(job.options, estimator.name)

    def located(pair: Pair, info: Any) -> LocatedShot:
        (found,) = locate(kept, [shot_from_messages(pair.image, pair.detections, info, job.options, decoder)])
        return found

    replay = Replay(source, located, pipeline, publication, job.options, transforms.frames, camera, detect)
    total = source.count("image")
    notes = {"hdnet": json.dumps({"options": job.options, "node": job.node})}
    output = OutputBag(job.target, job.storage, notes)
    on_progress(0, total)
    write_all(replay, publication, output, job.node, lambda: on_progress(replay.tally.images, total))
    tally = replay.tally
    return BagReport(
        source=job.source,
        target=job.target,
        estimator=estimator.name,
        boxes=boxes,
        images=tally.images,
        answered=tally.answered,
        people=tally.people,
        inferred_before=journal.reused,
        seconds=time.monotonic() - started,
        remarks=(*told, *tally.sentences()),
    )


def _is_done(job: BagJob) -> bool:
    return is_bag(job.target, job.source) and not job.overwrite


def _check_topics(source: BagSource) -> None:
    if not source.count("image"):
        raise BagError(
            f"{source.path}: no messages of type sensor_msgs/Image or CompressedImage"
        )


def _boxes(job: BagJob, source: BagSource, decoder: ImageDecoder, journal: Journal):
    """Return what makes a Detection2DArray of an image message (None: the recording has them)."""
    options = job.detector_options
    name = options["detector"]
    try:
        detector = make_inner_detector(job.options)
        if detector is not None:
            name = job.options["detector"]
        elif "detections" in source.topics and not job.detect:
            return None, source.topics["detections"]
        else:
            detector, _ = make_people_detector(options)
    except BackendError as error:
        raise BagError(str(error)) from error
    kept = JournalledDetector(detector, journal)

    def detect(image: Any) -> Any:
        compressed = isinstance(image, CompressedImage)
        decode = decoder.rgb_from_compressed if compressed else decoder.rgb_from_image
        return detections_to_msg(image.header, kept.detect(decode(image)), options["class_id"])

    return detect, f"detector {name}"


def _estimator(options: dict[str, Any]) -> tuple[Estimator, str]:
    try:
        return make_estimator(EstimatorSettings.of(options), is_live=False)
    except EstimatorError as error:
        raise BagError(str(error)) from error


def _fingerprint(job: BagJob) -> str:
    """Return a digest of what answers depend on beside pixels, boxes and camera."""
    made = hashlib.blake2b(digest_size=16)
    made.update(repr(EstimatorSettings.of(job.options)).encode())
    made.update(repr(sorted(job.detector_options.items())).encode())
    for path in (_weights(job.options), job.detector_options["weights"]):
        if path and Path(path).expanduser().is_file():
            made.update(hashlib.blake2b(Path(path).expanduser().read_bytes()).digest())
    return made.hexdigest()


def _weights(options: dict[str, Any]) -> str:
    from hdnet_ros.model.default_weights import find_default_weights

    return options["weights"] or str(find_default_weights() or "")
