"""`hdnet bench`: ratios measured in one run, because milliseconds differ between machines."""

from __future__ import annotations

import json
import os
import platform
import tempfile
from importlib import metadata
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from hdnet_ros.cli.commands.progress import progress_bar

# Of a processor's flags those that tell how fast it multiplies.
_TELLING_FLAGS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")


@click.command()
@click.option("--repeats", type=click.IntRange(min=3), default=15, show_default=True, help="Rounds per measurement.")
@click.option("--memory-frames", type=click.IntRange(min=0), default=10000, show_default=True, help="Frames of the memory test; 0 leaves it out.")
@click.option("--memory-estimator", type=click.Choice(["box-height", "hdnet"]), default="box-height", show_default=True,
              help="What runs in the node for the memory test; hdnet takes longer.")  # fmt: skip
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Checkpoint for the light network; default: the bundled one, else random weights.")
@click.option("--device", default="auto", show_default=True)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads of PyTorch, here and in the node.")
@click.option("--no-busy", is_flag=True, help="Leave out what runs beside busy processes.")
@click.option("--no-node", is_flag=True, help="Leave out what needs ROS.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("out/bench.json"), show_default=True)
def bench(repeats, memory_frames, memory_estimator, weights, device, threads, no_busy, no_node, out):
    """Measure speed and memory.

    The authors' algorithm against ours with the same weights, engines and precisions in turns for 1, 5
    and 20 people, quiet and beside two busy processes, the detector's presets, the live node against
    the bare estimator, and the node's memory.
    """
    import torch

    from hdnet_ros.core.device import choose_device

    if threads:
        torch.set_num_threads(threads)
        # The node that is measured beside this process inherits it.
        os.environ["OMP_NUM_THREADS"] = str(threads)
    console = Console(highlight=False)
    results: dict = {"machine": _machine(torch), "repeats": repeats}
    try:
        device = str(choose_device(device))  # once, so that its warning comes once
        with tempfile.TemporaryDirectory(prefix="hdnet_bench_") as folder:
            _tell_machine(console, results["machine"])
            _networks_and_engines(console, results, weights, device, repeats, Path(folder), no_busy)
            if no_node or not _ros_is_there(console):
                memory_frames = 0
            else:
                _node(console, results, repeats, memory_frames, memory_estimator)
    except (ValueError, OSError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error
    finally:
        out.parent.mkdir(parents=True, exist_ok=True)
        results.pop("_lite", None)
        out.write_text(json.dumps(results, indent=1))
    console.print(f"written to {out}")


def _networks_and_engines(console, results, weights, device, repeats, folder, no_busy) -> None:
    import torch

    from hdnet_ros.cli.commands import bench_engines
    from hdnet_ros.core.device import choose_device
    from hdnet_ros.model.hdnet import HDNet, hdnet_resnet50

    torch.manual_seed(0)
    lite, path, name = _lite(weights, device, folder)
    results["_lite"] = (lite, path)
    with progress_bar() as bar:
        network = HDNet(hdnet_resnet50()).eval().to(choose_device(device))
        results["authors"] = bench_engines.against_the_authors(network, device, repeats, bar)
        estimators = bench_engines.estimators_by_engine(path, device)
        results["engines"] = bench_engines.in_turns(estimators, repeats, bar)
        results["busy"] = {} if no_busy else bench_engines.beside_busy_processes(estimators, bar)
        results["detectors"] = bench_engines.detectors(lite, device, repeats, bar)
    _print_comparisons(
        console, "ResNet-50, random weights, the network alone", "the authors'", results["authors"]
    )
    _print_comparisons(
        console, f"{name}, patches included, 1280 x 720 px", next(iter(estimators)), results["engines"]
    )
    _print_busy(console, results["busy"], bench_engines.BUSY)
    _print_detectors(console, results["detectors"])


def _print_comparisons(console, title: str, reference: str, found: dict) -> None:
    table = _table(title, "people", reference, "this", "ratio (middle half)")
    for label, rows in found.items():
        for people, compared in rows.items():
            table.add_row(label, str(people), *_compared(compared))
    console.print(table)


def _print_busy(console, found: dict, processes: int) -> None:
    if not found:
        return
    table = _table(f"5 people, quiet and beside {processes} busy processes", "quiet p50", "busy p50", "busy p99", "p99 / quiet p50")
    for label, row in found.items():
        quiet, busy = row["quiet"], row["busy"]
        times = (quiet["median_ms"], busy["median_ms"], busy["p99_ms"])
        table.add_row(label, *(f"{ms:.1f} ms" for ms in times), f"{row['p99_over_quiet_median']:.1f} x")
    console.print(table)


def _print_detectors(console, found: dict) -> None:
    table = _table("nanodet, 640 x 480 px", "PyTorch", "this", "ratio (middle half)", "images/s with 5 people located")
    for preset, row in found.items():
        table.add_row(f"{preset}, {row['engine']}", *_compared(row), f"{row['images_per_s_with_5_people']:.1f}")
    console.print(table)


def _node(console, results, repeats, memory_frames, memory_estimator) -> None:
    from hdnet_ros.cli.commands.bench_node import live_against_bare, memory_over_frames

    lite, path = results["_lite"]
    results["node"] = found = live_against_bare(lite, path, 5, repeats)
    table = _table("live node, 5 people, 640 x 480 px", "node", "bare estimator", "ratio (middle half)")
    table.add_row("image stamp to message", *_compared(found["node_over_bare"]))
    table.add_row("transport of the image", f"{found['transport']['median_ms']:.1f} ms", "", "")
    table.add_row("what the node adds", f"{found['overhead_ms']:.1f} ms", "", "")
    console.print(table)
    if not memory_frames:
        return
    weights = str(path) if memory_estimator == "hdnet" else ""
    with progress_bar() as bar:
        task = bar.add_task("memory of the node", total=memory_frames)
        found = memory_over_frames(memory_frames, memory_estimator, weights, lambda: bar.advance(task))
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
