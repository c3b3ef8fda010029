"""`hdnet train`: resumable training with Accelerate on a CPU, one GPU or many."""

from __future__ import annotations

import csv
import logging
import pickle
import time
from pathlib import Path

import torch
from accelerate import Accelerator
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from hdnet_ros.learn.config import TrainConfig
from hdnet_ros.learn.dataset import PatchStream, collate, network_inputs
from hdnet_ros.learn.objectives import compute_losses
from hdnet_ros.learn.start import load_pretrained, start_from_checkpoint
from hdnet_ros.model.checkpoint import save_checkpoint, tensor_mismatches
from hdnet_ros.model.networks import make_network

log = logging.getLogger(__name__)


class NonFiniteLoss(RuntimeError):
    """A label, loss or gradient that is NaN or infinite; the message names the samples of the batch."""


def learning_rate_factor(config: TrainConfig, step: int) -> float:
    """Factor on the base learning rate at `step` (see OptimiserConfig.schedule)."""
    o = config.optimiser
    if o.schedule == "step":
        return o.decay_factor ** (step // o.decay_every)
    warm = min(1.0, (step + 1) / max(o.warmup_steps, 1))
    remaining = o.steps - step
    return warm * min(1.0, max(remaining, 0) / max(o.cooldown_steps, 1))


def make_optimiser(network: torch.nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """AdamW (Adam when weight_decay is 0), the backbone at its own rate."""
    o = config.optimiser
    backbone = [p for p in network.backbone_parameters() if p.requires_grad]
    ids = {id(p) for p in backbone}
    rest = [p for p in network.parameters() if p.requires_grad and id(p) not in ids]
    groups = [{"params": rest}, {"params": backbone, "lr": o.learning_rate * o.backbone_rate_factor}]
    kind = torch.optim.AdamW if o.weight_decay else torch.optim.Adam
    return kind(groups, lr=o.learning_rate, weight_decay=o.weight_decay)


class Trainer:
    """State of one run in `folder`: network, average, optimiser, step; saved whole, resumed whole.

    Parameters
    ----------
    folder : of the run; one that holds a state.pt is gone on with.
    init : the start: state.pt of another run, whose averaged network is taken, or a checkpoint
        (.safetensors) of a related network; else the backbones that others trained.
    cpu : stay on the CPU even where there is a GPU.

    Raises
    ------
    ValueError
        When `init` or the folder's state is of another network.
    """

    def __init__(self, config: TrainConfig, folder: Path, *, init: Path | None = None, cpu: bool = False):
        self.config, self.folder = config, Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        precision = "no" if config.precision == "fp32" else config.precision
        self.accelerator = Accelerator(cpu=cpu, mixed_precision=precision)
        torch.manual_seed(config.seed)
        self.network = self._start_network(init)
        self.network.to(memory_format=torch.channels_last)
        self.network.freeze_backbone_stages(config.optimiser.freeze_backbone_stages)
        self.average = AveragedModel(
            self.network, multi_avg_fn=get_ema_multi_avg_fn(config.optimiser.ema_decay), use_buffers=True
        ).to(self.accelerator.device)
        optimiser = make_optimiser(self.network, config)
        self.model, self.optimiser = self.accelerator.prepare(self.network, optimiser)
        self.base_rates = [group["lr"] for group in self.optimiser.param_groups]
        self.step = 0
        self._resume()

    def _start_network(self, init: Path | None) -> torch.nn.Module:
        network = make_network(self.config.network)
        if self.state_path.exists():
            pass  # which is read whole, once everything is there
        elif init is None:
            load_pretrained(network)
        elif init.suffix == ".safetensors":
            start_from_checkpoint(network, init)
        else:
            _fill(network, _read_state(init)["average"], init)
        return network

    @property
    def state_path(self) -> Path:
        return self.folder / "state.pt"

    @property
    def seed(self) -> str:
        """What was drawn with which seed, for the checkpoint."""
        c = self.config
        return str(c.seed) if c.seed == c.data.seed else f"{c.seed}, data {c.data.seed}"

    @property
    def budget(self) -> str:
        """What the training cost up to now, for the checkpoint."""
        batch = self.config.optimiser.batch_size * self.accelerator.num_processes
        return f"{self.step} steps of {batch} patches of {self.config.convention.input_px} px, {self.config.precision}"

    def averaged_network(self) -> torch.nn.Module:
        """The averaged network, as an estimator takes it."""
        return self.average.module

    def _resume(self) -> None:
        if not self.state_path.exists():
            return
        state = _read_state(self.state_path)
        _fill(self.network, state["network"], self.state_path)
        _fill(self.average.module, state["average"], self.state_path)
        self.average.n_averaged.fill_(state["step"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]
        log.info("resumed at step %d from %s", self.step, self.state_path)

    def save(self) -> None:
        """Write the whole state; a run that dies while writing keeps the previous one."""
        if not self.accelerator.is_main_process:
            return
        state = {
            "network": self.network.state_dict(),
            "average": self.average.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
        }
        partial = self.state_path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.state_path)

    def export(self, path: Path) -> None:
        """Write the averaged network as a checkpoint that the estimator loads."""
        if not self.accelerator.is_main_process:
            return
        c = self.config
        network = make_network(c.network)
        network.load_state_dict(self.average.module.state_dict())
        save_checkpoint(
            path, network, c.convention, name=c.name, licence=c.licence,
            data=f"{c.data_description}, {self.step} steps of {c.optimiser.batch_size} patches",
            seed=self.seed, budget=self.budget,
        )  # fmt: skip

    def train_step(self, batch: dict) -> dict[str, float]:
        """One optimiser step; returns the losses as floats.

        Raises
        ------
        NonFiniteLoss
            For a label, a loss or, without fp16's loss scaling, a gradient that is not finite;
            weights and average are those before the step.
        """
        # Bins have no place for a NaN: it would end in an index error that names nobody.
        self._expect_finite("normalised depth", batch["normalised_depth"].sum(), batch)
        device = self.accelerator.device
        batch = {k: v.to(device, non_blocking=True) if torch.is_tensor(v) else v for k, v in batch.items()}
        factor = learning_rate_factor(self.config, self.step)
        for group, rate in zip(self.optimiser.param_groups, self.base_rates):
            group["lr"] = rate * factor
        parts = self._losses(batch)
        self._expect_finite("loss", parts["total"], batch)
        self.optimiser.zero_grad(set_to_none=True)
        self.accelerator.backward(parts["total"])
        norm = self.accelerator.clip_grad_norm_(self.model.parameters(), self.config.optimiser.gradient_clip)
        if self.accelerator.scaler is None:  # fp16 overflows now and then, and skips such a step itself
            self._expect_finite("gradient", norm, batch)
        self.optimiser.step()
        self.average.update_parameters(self.network)
        self.step += 1
        return {name: value.item() for name, value in parts.items()}

    def _losses(self, batch: dict) -> dict[str, torch.Tensor]:
        with self.accelerator.autocast():
            output = self.model(*network_inputs(self.network, batch))
        return compute_losses(output, batch, self.config, self.step)

    def _expect_finite(self, what: str, value: torch.Tensor, batch: dict) -> None:
        if not torch.isfinite(value):
            where = f"samples (seed, n) {batch['keys']}"
            raise NonFiniteLoss(f"step {self.step}: {what} is {value.item()} on {where}")

    def loader(self) -> DataLoader:
        """The stream of batches, continued where the run stands."""
        c = self.config
        batch, processes = c.optimiser.batch_size, self.accelerator.num_processes
        samples = -(-self.step * batch // c.data.views)  # each gives so many patches
        start = samples * processes + self.accelerator.process_index
        stream = PatchStream(c.data, c.convention, start=start, stride=processes)
        return DataLoader(stream, batch, num_workers=c.data.workers, collate_fn=collate, drop_last=True)

    def run(self, validate=None, deadline_s: float | None = None) -> None:
        """Train to `optimiser.steps` or the deadline, logging to CSV and TensorBoard.

        Parameters
        ----------
        validate : optional callable (trainer) -> dict of scores, called every `validate_every` steps.
        deadline_s : stop and save after this many seconds.
        """
        steps, started = self.config.optimiser.steps, time.monotonic()
        is_main = self.accelerator.is_main_process
        writer = SummaryWriter(self.folder / "tensorboard") if is_main else None
        bar = tqdm(total=steps, initial=self.step, unit="step", mininterval=5, disable=not is_main)
        means: dict[str, float] = {}
        self._train_mode()
        for batch in self.loader() if self.step < steps else ():
            if self.step >= steps or self._is_late(started, deadline_s):
                break
            for name, value in self.train_step(batch).items():
                means[name] = 0.98 * means.get(name, value) + 0.02 * value
            bar.update()
            if self.step % 20 == 0:
                bar.set_postfix({k: f"{v:.3f}" for k, v in means.items()}, refresh=False)
                self._record(writer, means, time.monotonic() - started)
            if self.step % self.config.save_every == 0:
                self.save()
            if validate is not None and self.step % self.config.validate_every == 0:
                self._validate(validate, writer, started)
        bar.close()
        if writer is not None:
            writer.close()
        self.save()

    def _is_late(self, started: float, deadline_s: float | None) -> bool:
        late = deadline_s is not None and time.monotonic() - started > deadline_s
        if self.accelerator.num_processes == 1:
            return late
        # All processes stop after the same step, or the others wait for gradients forever.
        votes = torch.tensor(float(late), device=self.accelerator.device)
        return bool(self.accelerator.reduce(votes).item())

    def _train_mode(self) -> None:
        self.model.train()
        self.network.freeze_backbone_stages(self.config.optimiser.freeze_backbone_stages)

    def _validate(self, validate, writer: SummaryWriter | None, started: float) -> None:
        if not self.accelerator.is_main_process:
            return
        scores = validate(self)
        self._record(writer, scores, time.monotonic() - started, "validation")
        tqdm.write(f"step {self.step}: " + ", ".join(f"{k} {v:.4f}" for k, v in scores.items()))
        self._train_mode()

    def _record(
        self, writer: SummaryWriter | None, values: dict, elapsed_s: float, kind: str = "train"
    ) -> None:
        if writer is None:
            return
        path = self.folder / f"{kind}.csv"
        header = ["step", "elapsed_s", *values]
        if path.exists() and path.read_text().partition("\n")[0].strip() != ",".join(header):
            path.replace(self.folder / f"{kind}_before_{self.step}.csv")
        is_new = not path.exists()
        with path.open("a", newline="") as file:
            rows = csv.writer(file)
            if is_new:
                rows.writerow(header)
            rows.writerow([self.step, f"{elapsed_s:.0f}", *(f"{v:.5f}" for v in values.values())])
        for name, value in values.items():
            writer.add_scalar(f"{kind}/{name}", value, self.step)


def _read_state(path: Path) -> dict:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return {key: state[key] for key in ("network", "average", "optimiser", "step")}
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not the state.pt of a training run ({error})") from error


def _fill(network: torch.nn.Module, state: dict, path: Path) -> None:
    problems = tensor_mismatches(network.state_dict(), state)
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        found = "; ".join(problems[:3])
        raise ValueError(f"{path} holds another network than the configuration's: {found}{more}")
    network.load_state_dict(state)
