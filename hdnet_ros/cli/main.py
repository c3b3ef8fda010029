"""The command `hdnet`. Each command lives in its own module, imported when it is called."""

import importlib

import click

# name: (module, attribute, line in the list of commands). The line stands here so that
# `hdnet --help` answers without importing torch.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "localize": ("hdnet_ros.cli.commands.localize", "localize", "People in metres from a picture, a folder or a video."),
    "bag": ("hdnet_ros.cli.commands.bag", "bag", "People in metres from ROS bags, without ROS; many at once."),
    "rescale": ("hdnet_ros.cli.commands.rescale", "rescale", "Correct the focal length of recorded people, without inference."),
    "view": ("hdnet_ros.cli.commands.view", "view", "Camera and bird's-eye view of a bag or of running nodes, in the browser."),
    "import-checkpoint": ("hdnet_ros.cli.commands.import_checkpoint", "import_checkpoint", "Convert the authors' released checkpoint."),
    "export": ("hdnet_ros.cli.commands.export", "export", "A network as ONNX, for TensorRT or ONNX Runtime."),
    "bench": ("hdnet_ros.cli.commands.bench", "bench", "Measure speed and memory, as ratios in one run."),
    "synth": ("hdnet_ros.cli.commands.synth", "synth", "Render synthetic people: shards for training, or a contact sheet."),
    "train": ("hdnet_ros.cli.commands.train", "train", "Train a network; an interrupted run goes on where it stopped."),
    "heads": ("hdnet_ros.cli.commands.heads", "heads", "Go on training the last layers of a checkpoint, in minutes."),
    "ablate": ("hdnet_ros.cli.commands.ablate", "ablate", "Train and score the paper's ablations and RootNet under one budget."),
    "eval": ("hdnet_ros.cli.commands.evaluate", "evaluate", "Scores on the hold-out, the real clip or the paper's datasets, with a report."),
    "calibrate": ("hdnet_ros.cli.commands.calibrate", "calibrate", "Fit the published sigma on a hold-out and store it in the checkpoint."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        return getattr(importlib.import_module(module), attribute)

    def invoke(self, ctx: click.Context):
        """Run a command; a package that it needs and that is not there is named in one line."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            from hdnet_ros.cli.commands.failures import missing_package

            raise click.ClickException(missing_package(error)) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """HDNet: people in metres from one camera (Lin & Lee, ECCV 2020)."""


if __name__ == "__main__":
    main()
