"""`hdnet eval`: estimators on labelled people, as figures, JSON and a report with plots and worst cases."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from hdnet_ros.cli.commands.failures import told_in_one_line
from hdnet_ros.cli.commands.progress import progress_bar
from hdnet_ros.locate.detectors import DEFAULT_DETECTOR, DETECTOR_NAMES, PRESET_NAMES, make_detector
from hdnet_ros.model.default_weights import NO_WEIGHTS_HELP, find_default_weights
from hdnet_ros.model.engine_names import ENGINES, PRECISIONS

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
OUT_FOLDER = click.Path(file_okay=False, path_type=Path)

PAPERS_DATA = ("human36m", "muco", "mupots", "coco")
RENDERED_PICTURES = 200
# In a log, where no bar moves.
SECONDS_OF_SILENCE = 20.0
PETS_NEEDS = {
    "root": "--root, the folder with the clip's camera.json (with its pose in the world) and boxes*.json",
    "video": "--video, the clip that the boxes belong to (vtest.avi of Debian's opencv-doc)",
}

WITHOUT_EFFECT = {
    "synthetic-holdout": {"every": "--every"},
    "pets": {"most": "--most"},
    "pictures": {"every": "--every", "most": "--most"},
    "drive": {
        "most": "--most", "rivals": "--rival", "train_shards": "--train-shards", "poses": "--poses",
        "keypoints": "--keypoints",
    },
}


@click.command("eval")
@click.option("--data", type=click.Choice(["synthetic-holdout", "pets", "pictures", "drive", *PAPERS_DATA]), required=True)
@click.option("--weights", type=FILE, help="Checkpoint; the bundled one by default.")
@click.option("--root", type=FOLDER,
              help="Hold-out shards (without: some are rendered now), the clip's camera.json and boxes*.json,"
                   " drive.json and drive.mp4, pictures with measured distances (docs/measure_your_camera.md),"
                   " or the dataset.")  # fmt: skip
@click.option("--rival", "rivals", type=FILE, multiple=True,
              help="Other weights to report beside, RootNet's say; again for more.")  # fmt: skip
@click.option("--poses", type=FILE,
              help="Weights whose 3D poses the optimisation of the paper's Table 1 is given, where --weights have none.")  # fmt: skip
@click.option("--keypoints", type=click.Choice(["movenet_lightning", "movenet_thunder"]),
              help="That optimisation also with MoveNet's 2D joints; tools/convert_movenet.py makes it.")  # fmt: skip
@click.option("--train-shards", type=FOLDER, help="Shards the box-only regressor is fitted on.")
@click.option("--video", type=FILE, help="The clip of --data pets.")
@click.option("--every", type=click.IntRange(1), default=1, show_default=True,
              help="Take each n-th frame of the clip or drive, or picture of the dataset.")  # fmt: skip
@click.option("--most", type=click.IntRange(1), help="Most pictures of the hold-out or dataset.")
@click.option("--detector", type=click.Choice(DETECTOR_NAMES), default=DEFAULT_DETECTOR, show_default=True,
              help="pictures: the detector that is scored.")  # fmt: skip
@click.option("--preset", type=click.Choice(PRESET_NAMES), default="good", show_default=True, help="pictures: nanodet's.")
@click.option("--detector-weights", type=FILE, help="pictures: the detector's weights, where they are not bundled.")
@click.option("--joints", type=FILE,
              help="pictures: 2D joints labelled in them (docs/measure_your_camera.md).")  # fmt: skip
@click.option("--detected-boxes", is_flag=True, help="mupots: the boxes of RootNet's detector instead of true ones.")
@click.option("--also", type=click.Choice(["tracks", "floor"]), multiple=True,
              help="pets: people followed over time; depth with the feet on the floor. Printed, not in the report.")  # fmt: skip
@click.option("--device", default="auto", show_default=True)
@click.option("--engine", type=click.Choice(ENGINES), default="auto", show_default=True, help="What runs the network.")
@click.option("--precision", type=click.Choice(PRECISIONS), default="auto", show_default=True, help="What it computes in.")
@click.option("--second-look", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True,
              help="HDNet's mean over two patches of each person; auto: where the weights allow it.")  # fmt: skip
@click.option("--report", "report_folder", type=OUT_FOLDER, help="Folder for report.html, .json and .md.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="JSON file for the printed figures.")
def evaluate(data, weights, root, report_folder, out, **options):
    """Depth and position errors, sigma coverage and joints of HDNet, with the priors beside it."""
    _check_usage(data, root, options, report_folder)
    weights = weights or find_default_weights()
    if weights is None:
        raise click.ClickException(NO_WEIGHTS_HELP)
    with told_in_one_line():
        from hdnet_ros.core.device import choose_device
        from hdnet_ros.evaluate.suites import as_json, as_text
        from hdnet_ros.model.checkpoint import load_checkpoint
        from hdnet_ros.locate.factory import EstimatorSettings, takes_second_look

        checkpoint = load_checkpoint(weights)
        options["rivals"] = [load_checkpoint(path) for path in options["rivals"]]
        options["poses"] = options["poses"] and load_checkpoint(options["poses"])
        _check_poses(checkpoint, options)
        options["device"] = str(choose_device(options["device"]))  # once, so that its warning comes once
        device, wanted = options["device"], options["second_look"]
        looks_twice = takes_second_look(checkpoint, wanted, device, is_live=False)
        options["looks"] = 2 if looks_twice else 1
        options["settings"] = EstimatorSettings(
            device=device, engine=options["engine"], precision=options["precision"], second_look=wanted
        )
        with _tracked() as track:
            figures, sections = _run(checkpoint, data, root, track, options)
        click.echo(as_text(figures))
        if out:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(as_json(figures))
            click.echo(f"wrote {out}")
        if report_folder:
            click.echo(f"wrote {_report(report_folder, weights, data, options, sections)}")


def _check_usage(data: str, root: Path | None, options: dict, report_folder: Path | None) -> None:
    given = {"root": root, "video": options["video"]}
    missing = [needed for name, needed in PETS_NEEDS.items() if given[name] is None]
    if data == "pets" and missing:
        raise click.UsageError(f"--data pets needs {' and '.join(missing)}")
    if data == "pictures" and root is None:
        raise click.UsageError("--data pictures needs --root, the folder of the pictures (docs/measure_your_camera.md)")
    if data in PAPERS_DATA and root is None:
        raise click.UsageError(f"--data {data} needs --root, the folder of the dataset as its authors give it")
    if data == "drive" and (root is None or report_folder is not None):
        raise click.UsageError("--data drive needs --root, its folder; its figures are printed, there is no --report")
    if options["also"] and data != "pets":
        raise click.UsageError(f"--also is for pets, not for {data}")
    if options["joints"] and data != "pictures":
        raise click.UsageError(f"--joints is for pictures, not for {data}")
    if options["detected_boxes"] and data != "mupots":
        raise click.UsageError(f"--detected-boxes is for mupots, not for {data}")
    for name, option in WITHOUT_EFFECT.get(data, {}).items():
        if options[name] not in (None, 1, ()):
            raise click.UsageError(f"{option} does nothing for {data}")


def _check_poses(checkpoint, options: dict) -> None:
    from hdnet_ros.evaluate.rivals import has_pose

    if options["poses"] and not has_pose(options["poses"]):
        raise click.UsageError("--poses: these weights have no 3D poses")
    if options["keypoints"] and not has_pose(options["poses"] or checkpoint):
        raise click.UsageError("--keypoints needs 3D poses: these weights have none; give others that do with --poses")


@contextmanager
def _tracked():
    """A function that hands pictures on and shows how far it is; in a log, where it takes long."""
    with progress_bar() as progress:

        def track(pictures: Iterable, what: str) -> Iterable:
            total = len(pictures) if hasattr(pictures, "__len__") else None
            if progress.disable:
                return _told_in_a_log(pictures, what, total)
            return progress.track(pictures, total=total, description=what)

        yield track


def _told_in_a_log(pictures: Iterable, what: str, total: int | None) -> Iterator:
    told_s = time.monotonic()
    for number, picture in enumerate(pictures):
        if time.monotonic() - told_s >= SECONDS_OF_SILENCE:
            told_s = time.monotonic()
            click.echo(f"{what}: {number}" + (f" of {total}" if total else ""), err=True)
        yield picture


def _run(checkpoint, data: str, root: Path | None, track: Callable, options: dict) -> tuple[dict, Callable | None]:
    """The figures to print, and a function that makes the report's sections and numbers (None: it has no report)."""
    if data == "drive":
        from hdnet_ros.evaluate.tracking_drive import tracks_of_drive
        from hdnet_ros.locate.factory import estimator_of

        return tracks_of_drive(estimator_of(checkpoint, options["settings"]), root, options["every"]), None
    beside = _beside(options)
    if data in PAPERS_DATA:
        from hdnet_ros.evaluate.paper_report import run_dataset

        return run_dataset(checkpoint, data, root, beside, track, options)
    found = _suites(checkpoint, data, root, beside, track, options)
    figures = {suite.name: suite.figures() for suite in found}
    figures |= _over_time(checkpoint, root, options)

    def sections():
        from hdnet_ros.evaluate.report_sections import figures_of, section_of

        return [section_of(suite) for suite in found], {suite.name: figures_of(suite) for suite in found}

    return (next(iter(figures.values())) if len(figures) == 1 else figures), sections


def _over_time(checkpoint, root: Path | None, options: dict) -> dict:
    if not options["also"]:
        return {}
    from hdnet_ros.evaluate.clip_over_time import floor_of_clip, tracks_of_clip
    from hdnet_ros.locate.factory import estimator_of

    estimator = estimator_of(checkpoint, options["settings"])
    found = {}
    for name, measure in {"tracks": tracks_of_clip, "floor": floor_of_clip}.items():
        if name in options["also"]:
            found |= measure(estimator, root, options["video"], options["every"])
    return found


def _suites(checkpoint, data: str, root: Path | None, beside, track: Callable, options: dict) -> list:
    from hdnet_ros.evaluate import suites
    from hdnet_ros.data.holdout import pictures_in, rendered_pictures

    settings = options["settings"]
    if data == "pets":
        return suites.clip_suites(checkpoint, root, options["video"], options["every"], settings, beside, track)
    if data == "pictures":
        from hdnet_ros.data.labelled_joints import with_joints
        from hdnet_ros.data.measured_pictures import measured_pictures

        pictures = measured_pictures(root)
        if options["joints"]:
            pictures = with_joints(pictures, options["joints"])
        name, preset = options["detector"], options["preset"]
        detector = make_detector(name, options["detector_weights"], device=options["device"], preset=preset)
        told = f"{name}, {preset}" if name == "nanodet" else name
        return suites.measured_suites(checkpoint, pictures, detector, told, settings, beside, track)
    if root is not None:
        pictures = list(pictures_in(root, options["most"]))
    else:
        count = options["most"] or RENDERED_PICTURES
        click.echo(f"no --root: rendering {count} hold-out samples; the first time the bodies too, some minutes")
        pictures = list(rendered_pictures(track(range(count), "rendering")))
    name = "synthetic hold-out"
    return [suites.picture_suite(checkpoint, pictures, settings, beside, name, track)]


def _report(folder: Path, weights: Path, data: str, options: dict, sections: Callable) -> Path:
    from hdnet_ros.evaluate.provenance import provenance
    from hdnet_ros.evaluate.report import write_report

    settings = {key: options[key] for key in ("every", "most") if options[key] not in (None, 1)}
    settings["looks at each person"] = options["looks"]
    settings |= {"poses": _told([options["poses"]])} if options["poses"] else {}
    about = provenance(weights, options["device"], data=data, rivals=_told(options["rivals"]), **settings)
    parts, numbers = sections()
    return write_report(folder, f"hdnet eval: {data}", about, parts, numbers)


def _told(rivals: list) -> str | None:
    told = (f"{r.metadata['name']} ({r.metadata.get('budget') or r.metadata['data']})" for r in rivals)
    return "; ".join(told) or None


def _beside(options: dict):
    from hdnet_ros.data.holdout import regressor_rows
    from hdnet_ros.evaluate.box_regressor import BoxRegressor
    from hdnet_ros.evaluate.rivals import Beside

    shards = options["train_shards"]
    regressor = BoxRegressor().fit(*regressor_rows(shards)) if shards else None
    return Beside(regressor, options["rivals"], options["poses"], options["keypoints"] or "")
