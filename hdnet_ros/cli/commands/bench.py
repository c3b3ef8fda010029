"""`hdnet bench`: ratios measured in one run, because milliseconds differ between machines."""

from __future__ import annotations

import json
import os
import platform
import signal
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from hdnet_ros.cli.commands.progress import progress_bar

# Of a processor's flags those that tell how fast it multiplies.
_TELLING_FLAGS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")


_FILE_WIDTH = 140
# Shares of the time; preparing networks and starting nodes takes the rest.
_AUTHORS, _ENGINES, _BUSY, _DETECTORS, _NODE = 0.22, 0.1, 0.15, 0.07, 0.02


@click.command()
@click.option("--minutes", type=click.FloatRange(min=0.0), default=4.0, show_default=True,
              help="How long about; where networks are prepared for the first time, and with a long memory test, longer.")  # fmt: skip
@click.option("--people", type=click.IntRange(1, 200), multiple=True, default=(1, 5, 20), show_default=True, help="How many people; may be given several times.")
@click.option("--memory-frames", type=click.IntRange(min=0), default=0, show_default=True, help="Frames of a test of the node's memory, 10000 for a thorough one; 0 leaves it out.")
@click.option("--memory-estimator", type=click.Choice(["box-height", "hdnet"]), default="box-height", show_default=True,
              help="What runs in the node for the memory test; hdnet takes longer.")  # fmt: skip
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Checkpoint for the light network; default: the bundled one, else random weights.")
@click.option("--device", default="auto", show_default=True)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads, here and in the nodes.")
@click.option("--no-busy", is_flag=True, help="Leave out what runs beside busy processes.")
@click.option("--no-node", is_flag=True, help="Leave out what needs ROS.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("out/bench.json"), show_default=True)
def bench(minutes, people, memory_frames, memory_estimator, weights, device, threads, no_busy, no_node, out):
    """Measure speed.

    The authors' algorithm against ours with the same weights, engines and precisions in turns for 1, 5
    and 20 people, quiet and beside two busy processes, the detector's presets, the live node against
    the bare estimator, and the demo from image stamp to people.
    """
    import torch

    from hdnet_ros.core.device import choose_device

    # A plain kill must end the nodes and the busy processes as well: it becomes an exception, which leaves all contexts.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if threads:
        torch.set_num_threads(threads)
        # The nodes that are measured beside this process inherit it, and OpenVINO reads it.
        os.environ["OMP_NUM_THREADS"] = str(threads)
    # In a file tables are as wide as they like.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _FILE_WIDTH, soft_wrap=True)
    results: dict = {"machine": _machine(torch), "minutes": minutes}
    begun = time.monotonic()
    try:
        device = str(choose_device(device))  # once, so that its warning comes once
        with tempfile.TemporaryDirectory(prefix="hdnet_bench_") as folder:
            _tell_machine(console, results["machine"])
            lite = _networks_and_engines(console, results, weights, device, 60.0 * minutes, sorted(set(people)), Path(folder), no_busy)
            if not no_node and _ros_is_there(console):
                _nodes(console, results, lite, 60.0 * minutes, no_busy)
                _memory(console, results, lite[1], memory_frames, memory_estimator)
    except (ValueError, OSError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error
    finally:
        out.parent.mkdir(parents=True, exist_ok=True)
        results["took_s"] = time.monotonic() - begun
        out.write_text(json.dumps(results, indent=1))
    console.print(f"written to {out} after {results['took_s']:.0f} s")


def _networks_and_engines(console, results, weights, device, limit_s, people, folder, no_busy) -> tuple:
    """Measure without ROS; the light estimator and its checkpoint."""
    import torch

    from hdnet_ros.cli.commands import bench_engines
    from hdnet_ros.core.device import choose_device
    from hdnet_ros.model.hdnet import HDNet, hdnet_resnet50

    torch.manual_seed(0)
    lite, path, name = _lite(weights, device, folder)
    with progress_bar() as bar:
        network = HDNet(hdnet_resnet50()).eval().to(choose_device(device))
        results["authors"] = bench_engines.against_the_authors(network, device, people, _AUTHORS * limit_s, bar)
        estimators = bench_engines.estimators_by_engine(path, device)
        results["engines"] = bench_engines.in_turns(estimators, people, _ENGINES * limit_s, bar)
        results["busy"] = {} if no_busy else bench_engines.beside_busy_processes(estimators, _BUSY * limit_s, bar)
        results["detectors"] = bench_engines.detectors(lite, device, _DETECTORS * limit_s, bar)
    _print_comparisons(
        console, "ResNet-50, random weights, the network alone", "the authors'", results["authors"]
    )
    _print_comparisons(
        console, f"{name}, patches included, 1280 x 720 px", next(iter(estimators)), results["engines"]
    )
    _print_busy(console, results["busy"], bench_engines.BUSY)
    _print_detectors(console, results["detectors"])
    return lite, path


def _print_comparisons(console, title: str, reference: str, found: dict) -> None:
    table = _table(title, "people", reference, "this", "ratio (middle half)")
    for label, rows in found.items():
        for people, compared in rows.items():
            table.add_row(label, str(people), *_compared(compared))
    console.print(table)


def _print_busy(console, found: dict, processes: int) -> None:
    if not found:
        return
    table = _table(f"5 people, quiet and beside {processes} busy processes", "quiet p50", "busy p50", "busy p99", "images", "p99 / quiet p50")
    for label, row in found.items():
        quiet, busy = row["quiet"], row["busy"]
        times = (quiet["median_ms"], busy["median_ms"], busy["p99_ms"])
        times_text = (f"{ms:.1f} ms" for ms in times)
        table.add_row(label, *times_text, str(busy["repeats"]), f"{row['p99_over_quiet_median']:.1f} x")
    console.print(table)


def _print_detectors(console, found: dict) -> None:
    table = _table(
        "nanodet, 640 x 480 px", "PyTorch", "this", "ratio (middle half)",
        "images/s with 5 people located", "on successive images at once",
    )  # fmt: skip
    for preset, row in found.items():
        rates = (row["images_per_s_with_5_people"], row["images_per_s_with_5_people_at_once"])
        table.add_row(f"{preset}, {row['engine']}", *_compared(row), *(f"{rate:.1f}" for rate in rates))
    console.print(table)


def _nodes(console, results, lite, limit_s, no_busy) -> None:
    from hdnet_ros.cli.commands.bench_engines import BUSY
    from hdnet_ros.cli.commands.bench_node import demo_from_stamp_to_people, live_against_bare
    from hdnet_ros.evaluate.speed import busy_processes

    estimator, path = lite
    results["node"] = found = live_against_bare(estimator, path, 5, _NODE * limit_s)
    table = _table("live node, 5 people, 640 x 480 px", "node", "bare estimator", "ratio (middle half)")
    table.add_row("image stamp to message", *_compared(found["node_over_bare"]))
    table.add_row("transport of the image", f"{found['transport']['median_ms']:.1f} ms", "", "")
    table.add_row("what the node adds", f"{found['overhead_ms']:.1f} ms", "", "")
    console.print(table)
    table = _table("demo, drawn clip, 640 x 480 px, image stamp to people", "p50", "p99", "answered", "people an image")
    results["demo"] = {}
    with progress_bar() as bar:
        for label, processes in (("quiet", 0), (f"beside {BUSY} busy processes", BUSY))[: 1 if no_busy else 2]:
            task = bar.add_task(f"demo, {label}", total=None)
            with busy_processes(processes):
                found = demo_from_stamp_to_people(path, estimator.device, lambda phase, task=task: bar.update(task))
            results["demo"][label] = found
            bar.update(task, total=1, completed=1)
            table.add_row(
                label, f"{found['latency_p50_ms']:.0f} ms", f"{found['latency_p99_ms']:.0f} ms",
                f"{found['frames_answered']} of {found['frames_in']}", f"{found['people_per_image']:.1f}",
            )  # fmt: skip
    console.print(table)


def _memory(console, results, path, frames, estimator) -> None:
    from hdnet_ros.cli.commands.bench_node import memory_over_frames

    if not frames:
        return
    weights = str(path) if estimator == "hdnet" else ""
    with progress_bar() as bar:
        task = bar.add_task("memory of the node", total=frames)
        found = memory_over_frames(frames, estimator, weights, lambda: bar.advance(task))
    results["memory"] = found
    console.print(
        f"memory of the node ({found['estimator']}): {found['resident_mb_after_warm_up']:.1f} MB after "
        f"a tenth of {found['frames']} frames, {found['resident_mb_at_end']:.1f} MB at the end "
        f"({found['growth_mb_per_1000_frames']:+.2f} MB per 1000 frames)"
    )


def _lite(weights: Path | None, device: str, folder: Path):
    """Return the light estimator, its checkpoint's path and its name."""
    from hdnet_ros.locate.factory import EstimatorSettings, make_estimator
    from hdnet_ros.core.patch import PatchConvention
    from hdnet_ros.model.checkpoint import save_checkpoint
    from hdnet_ros.model.default_weights import find_default_weights
    from hdnet_ros.model.hdnet import HDNet, hdnet_lite

    path, name = weights or find_default_weights(), None
    if path is None:
        path, name = folder / "random.safetensors", "lite, random weights"
        save_checkpoint(path, HDNet(hdnet_lite()).eval(), PatchConvention(), name=name, data="none", licence="none")
    estimator, _ = make_estimator(EstimatorSettings("hdnet", str(path), device, second_look="never"), is_live=False)
    return estimator, path, name or estimator.name


def _ros_is_there(console: Console) -> bool:
    try:
        import hdnet_ros.ros.bench_probe  # noqa: F401
    except ImportError as error:
        console.print(f"live node and memory left out: no ROS here ({error})")
        return False
    return True


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _compared(found: dict) -> tuple[str, str, str]:
    ratio = f"{found['ratio_median']:.2f} x ({found['ratio_p25']:.2f} to {found['ratio_p75']:.2f})"
    return f"{found['slow']['median_ms']:.1f} ms", f"{found['fast']['median_ms']:.1f} ms", ratio


def _machine(torch) -> dict:
    """What the figures depend on; the load tells whether the machine was quiet when they were taken."""
    return {
        "processor": _processor_field("model name") or platform.processor() or platform.machine(),
        "flags": [flag for flag in _processor_field("flags").split() if flag in _TELLING_FLAGS],
        "torch": torch.__version__,
        "openvino": _version("openvino"),
        "threads": torch.get_num_threads(),
        "load": os.getloadavg()[0],
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _tell_machine(console: Console, machine: dict) -> None:
    engines = f"PyTorch {machine['torch']}, OpenVINO {machine['openvino'] or 'not installed'}"
    console.print(
        f"{machine['processor']} ({' '.join(machine['flags']) or 'no vector flags known'}), "
        f"{machine['threads']} threads, load {machine['load']:.1f}; {engines}; GPU {machine['cuda'] or 'none'}"
    )


def _processor_field(name: str) -> str:
    """The first processor's field in /proc/cpuinfo; empty where there is no such thing."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
