"""Training of the 3D pose head, on an HDNet that stays exactly as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import Tensor
from torch.nn import functional as F

from hdnet_ros.learn import losses
from hdnet_ros.learn.config import LossConfig, TrainConfig
from hdnet_ros.learn.train import Trainer
from hdnet_ros.model.backbones import pretrained_backbone_state
from hdnet_ros.model.checkpoint import load_checkpoint, save_checkpoint
from hdnet_ros.model.config import HDNetConfig
from hdnet_ros.model.inference_copy import inference_copy
from hdnet_ros.model.hdnet import HDNet
from hdnet_ros.model.pose3d import SHARED, IntegralPose, PoseConfig, PoseOutput

_LEAST_PROBABILITY = 1e-9


class PoseTrainer(Trainer):
    """Trains an `IntegralPose` for the HDNet of a checkpoint.

    The state of the run holds the pose alone. HDNet computes without gradients, in eval mode, with
    its batch norms folded; with a backbone of the pose's own it does not compute at all.

    Parameters
    ----------
    config : `network.pose` says what to train; the rest of the network, and how patches are cut,
        are the checkpoint's
    init : the checkpoint (.safetensors), needed when a run goes on, too; a pose like the wanted one that
        it has is where training starts

    Raises
    ------
    ValueError : no `init`, or settings of the network other than its pose
    CheckpointError : `init` is no checkpoint
    """

    def __init__(self, config: TrainConfig, folder: Path, *, init: Path | None, cpu: bool = False):
        if init is None:
            raise ValueError("network.pose is trained for an HDNet: give its checkpoint, --init X.safetensors")
        if replace(config.network, pose=None) != HDNetConfig():
            raise ValueError(f"network has settings beside pose; the rest of the network is {init}'s")
        self.hdnet = load_checkpoint(init)
        if not isinstance(self.hdnet.config, HDNetConfig):
            raise ValueError(f"{init} holds another kind of network, expected an HDNet")
        network = replace(self.hdnet.config, pose=config.network.pose)
        config = replace(config, network=network, convention=self.hdnet.convention)
        super().__init__(config, folder, cpu=cpu)
        frozen = inference_copy(self.hdnet.network.eval()).requires_grad_(False)
        self._frozen = frozen.to(self.accelerator.device, memory_format=torch.channels_last)

    def _start_network(self, init: Path | None) -> IntegralPose:
        network = self.config.network
        pose = IntegralPose(network.pose, network.fpn_channels, network.joint_count)
        if self.hdnet.config.pose == network.pose:
            pose.load_state_dict(self.hdnet.network.pose.state_dict())
        elif network.pose.backbone != SHARED and not self.state_path.exists():
            pose.load_backbone(pretrained_backbone_state(network.pose.backbone))
        return pose

    def averaged_network(self) -> HDNet:
        """The checkpoint's HDNet with the averaged pose."""
        return with_pose(self.hdnet.network, self.config.network.pose, self.average.module)

    def export(self, path: Path) -> None:
        """Write the checkpoint with the averaged pose added; all else in it stays."""
        if not self.accelerator.is_main_process:
            return
        c, about = self.config, self.hdnet.metadata
        pose = f"3D pose: {c.data_description}, {self.step} steps of {c.optimiser.batch_size} patches"
        save_checkpoint(
            path, self.averaged_network(), c.convention, name=about["name"], licence=about["licence"],
            data=f"{about['data']}; {pose}", calibration=self.hdnet.calibration,
            seed=_with_pose(about.get("seed"), self.seed), budget=_with_pose(about.get("budget"), self.budget),
            half=self.hdnet.half,
        )  # fmt: skip

    def _losses(self, batch: dict) -> dict[str, Tensor]:
        images = batch["images"]
        with self.accelerator.autocast():
            volumes = self.model(images, *self._frozen_features(images))
        pose = self.network.decode(volumes.float(), batch["box_masks"], batch["patch_index"])
        return pose_losses(pose, batch, self.config.losses, self.config.network.pose)

    @torch.no_grad()
    def _frozen_features(self, images: Tensor) -> tuple[list[Tensor], Tensor]:
        if self.config.network.pose.backbone != SHARED:
            return [], images  # not read
        pyramid = self._frozen.features(images)
        return pyramid, self._frozen.heatmap_head(self._frozen.heatmap_branch(pyramid))


def _with_pose(hdnet: str | None, pose: str) -> str:
    return f"{hdnet or 'HDNet: not recorded'}; 3D pose: {pose}"


def with_pose(hdnet: HDNet, config: PoseConfig, pose: IntegralPose) -> HDNet:
    """A copy of a network with a trained pose head, in the place of the one it may have, in eval mode."""
    network = HDNet(replace(hdnet.config, pose=config))
    state = {k: v for k, v in hdnet.state_dict().items() if not k.startswith("pose.")}
    network.load_state_dict(state | {f"pose.{k}": v for k, v in pose.state_dict().items()})
    return network.eval()


def pose_losses(
    pose: PoseOutput, batch: dict, settings: LossConfig, config: PoseConfig
) -> dict[str, Tensor]:
    """L1 of the soft-argmax in x, y, z, and cross-entropies of the volume's two marginals.

    Their weights are `pose_weight`, `heatmap_weight` (x and y) and `bins_weight` (the slices).
    """
    joints, weight = batch["joints_cells"], batch["joint_weight"]
    cells, half_mm = batch["box_masks"].shape[-1], config.half_range_mm
    # As fractions of the volume, so that half a patch weighs as much as half the depth range.
    scale = torch.tensor([2.0 / cells, 2.0 / cells, 1.0 / half_mm], device=joints.device)
    found = torch.cat([pose.joints_cells, pose.relative_depth_mm.unsqueeze(-1)], -1) * scale
    target = torch.cat([joints, batch["relative_depth_mm"].unsqueeze(-1)], -1) * scale
    parts = {
        "pose": losses.pose_l1(found, target, weight).mean(),
        "heatmap": _heatmap_cross_entropy(pose.heatmaps, batch, settings.heatmap_sigma_cells),
        "bins": losses.slices_cross_entropy(
            pose.slice_probabilities.clamp_min(_LEAST_PROBABILITY).log(),
            batch["relative_depth_mm"], weight, half_mm,
        ).mean(),
    }  # fmt: skip
    parts["total"] = sum(getattr(settings, f"{name}_weight") * value for name, value in parts.items())
    error_mm = (pose.relative_depth_mm.detach() - batch["relative_depth_mm"]).abs()
    return parts | {"z_error_mm": (error_mm * weight).sum() / weight.sum().clamp_min(1e-6)}


def _heatmap_cross_entropy(heatmaps: Tensor, batch: dict, sigma_cells: float) -> Tensor:
    """`losses.heatmap_cross_entropy` on the volume's own cells, of which one may cover several."""
    cell = batch["box_masks"].shape[-1] // heatmaps.shape[-1]
    masks = F.max_pool2d(batch["box_masks"].float(), cell) > 0.5
    joints = (batch["joints_cells"] - 0.5 * (cell - 1)) / cell
    logs = SimpleNamespace(heatmap_logits=heatmaps.clamp_min(_LEAST_PROBABILITY).log())
    return losses.heatmap_cross_entropy(logs, joints, batch["joint_weight"], masks, sigma_cells).mean()


def make_trainer(config: TrainConfig, folder: Path, *, init: Path | None = None, cpu: bool = False) -> Trainer:
    """What trains a configuration: the pose of a trained HDNet where it names one, else a network."""
    is_pose = getattr(config.network, "pose", None) is not None
    return (PoseTrainer if is_pose else Trainer)(config, folder, init=init, cpu=cpu)
