"""`hdnet bench`: ratios measured in one run, because milliseconds differ between machines."""

from __future__ import annotations

import json
import os
import platform
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from hdnet_ros.cli.commands.progress import progress_bar

_NAIVE_PEOPLE = (1, 5)
_ESTIMATOR_PEOPLE = (1, 5, 20)


@click.command()
@click.option("--repeats", type=click.IntRange(min=3), default=15, show_default=True, help="Rounds per measurement.")
@click.option("--memory-frames", type=click.IntRange(min=0), default=10000, show_default=True, help="Frames of the memory test; 0 leaves it out.")
@click.option("--memory-estimator", type=click.Choice(["box-height", "hdnet"]), default="box-height", show_default=True,
              help="What runs in the node for the memory test; hdnet takes longer.")  # fmt: skip
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Checkpoint for the light network; default: the bundled one, else random weights.")
@click.option("--device", default="auto", show_default=True)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads of PyTorch, here and in the node.")
@click.option("--no-node", is_flag=True, help="Leave out what needs ROS.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("out/bench.json"), show_default=True)
def bench(repeats, memory_frames, memory_estimator, weights, device, threads, no_node, out):
    """Measure speed and memory.

    The network computed naively against ours with the same weights, the estimator for 1, 5 and
    20 people, the live node against the bare estimator, and the node's memory.
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
            _network_and_estimators(console, results, weights, device, repeats, Path(folder))
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


def _network_and_estimators(console, results, weights, device, repeats, folder) -> None:
    import torch

    from hdnet_ros.locate.factory import EstimatorSettings, make_estimator
    from hdnet_ros.core.device import choose_device
    from hdnet_ros.model.hdnet import HDNet, hdnet_resnet50

    torch.manual_seed(0)
    network = HDNet(hdnet_resnet50()).eval().to(choose_device(device))
    lite, path, name = _lite(weights, device, folder)
    results["_lite"] = (lite, path)
    with progress_bar() as bar:
        results["naive_over_ours"] = _naive_over_ours(network, repeats, bar)
        resnet = _estimator(network, device)
        twice, _ = make_estimator(EstimatorSettings("hdnet", str(path), device, second_look="always"), is_live=False)
        estimators = {name: lite, f"{name}, second look": twice, "ResNet-50, random weights": resnet}
        results["estimator"] = _estimator_times(estimators, repeats, bar)
    table = _table("ResNet-50, the network alone, same weights", "naive", "ours", "ratio (middle half)")
    for precision, rows in results["naive_over_ours"].items():
        for people, found in rows.items():
            label = f"{people} people" if people > 1 else "1 person"
            table.add_row(f"{label}, ours in {precision}", *_compared(found))
    console.print(table)
    table = _table("estimator, 1280 x 720 px", "people", "median", "middle half", "a person")
    for label, timings in results["estimator"].items():
        for people, found in timings.items():
            half = f"{found['p25_ms']:.1f} to {found['p75_ms']:.1f}"
            each = f"{found['median_ms'] / people:.1f} ms"
            table.add_row(label, str(people), f"{found['median_ms']:.1f} ms", half, each)
    console.print(table)


def _naive_over_ours(network, repeats: int, bar) -> dict[str, dict[int, dict]]:
    """Return comparisons by precision, float32 and what "auto" takes here, and number of people."""
    import torch

    from hdnet_ros.core.device import choose_precision
    from hdnet_ros.evaluate.speed import WARM_UP, compare_with_naive
    from hdnet_ros.model.inference_copy import inference_copy

    folded = inference_copy(network).to(memory_format=torch.channels_last)
    device = next(network.parameters()).device
    found: dict[str, dict[int, dict]] = {}
    for dtype in dict.fromkeys((torch.float32, choose_precision("auto", device))):
        rows = found.setdefault(str(dtype).removeprefix("torch."), {})
        for people in _NAIVE_PEOPLE:
            task = bar.add_task(f"naive and ours, {people}", total=WARM_UP + repeats)
            on_round = lambda t=task: bar.advance(t)  # noqa: E731
            rows[people] = compare_with_naive(network, folded, people, repeats, dtype, on_round).to_dict()
    return found


def _estimator_times(estimators: dict, repeats: int, bar) -> dict[str, dict]:
    from hdnet_ros.evaluate.speed import WARM_UP, time_estimator

    found: dict[str, dict] = {}
    for label, estimator in estimators.items():
        for people in _ESTIMATOR_PEOPLE:
            task = bar.add_task(f"{label}, {people}", total=WARM_UP + repeats)
            timed = time_estimator(estimator, people, repeats, lambda t=task: bar.advance(t))
            found.setdefault(label, {})[people] = timed.to_dict()
    return found


def _node(console, results, repeats, memory_frames, memory_estimator) -> None:
    from hdnet_ros.cli.commands.bench_node import live_against_bare, memory_over_frames

    lite, path = results["_lite"]
    results["node"] = found = live_against_bare(lite, path, 5, repeats)
    table = _table("live node, 5 people", "node", "bare estimator", "ratio (middle half)")
    table.add_row("image stamp to message", *_compared(found["node_over_bare"]))
    table.add_row("transport of the image", f"{found['transport']['median_ms']:.1f} ms", "", "")
    table.add_row("without transport", "", "", f"{found['overhead_ratio']:.2f}")
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


def _estimator(network, device: str):
    """Return the network as it is run: batch normalisation folded."""
    from hdnet_ros.locate.estimator import HDNetEstimator
    from hdnet_ros.core.patch import PatchConvention
    from hdnet_ros.model.inference_copy import inference_copy

    return HDNetEstimator(inference_copy(network), PatchConvention(), network.config.bins, device)


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
    return {
        "processor": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }
