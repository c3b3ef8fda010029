"""`hdnet rescale`: people of a recording as the right calibration places them, without inference."""

from __future__ import annotations

from pathlib import Path

import click

from hdnet_ros.cli.commands.setting_options import given_values


@click.command()
@click.argument("bag", type=click.Path(path_type=Path))
@click.option("--camera", "camera_file", required=True, help="The right calibration, of the same image size.")
@click.option("--out", type=click.Path(path_type=Path), help="rosbag2 to write; default: BAG_rescaled.")
@click.option("--persons-topic", default="", help="PersonRootArray; default: the only one.")
@click.option("--camera-info-topic", default="", help="What they were located with; default: the only one.")
@click.option("--detections-topic", default="", help="Detection2DArray; default: the only one.")
@click.option("-p", "--param", "params", multiple=True, metavar="NAME:=VALUE", help="A parameter of hdnet_node.")
@click.option("--storage", type=click.Choice(["mcap", "sqlite3"]), default="mcap", show_default=True)
@click.option("--overwrite", is_flag=True, help="Replace OUT.")
def rescale(bag, camera_file, out, persons_topic, camera_info_topic, detections_topic, params, storage, overwrite):
    """Correct a recording whose focal length was wrong.

    BAG holds what hdnet_node or `hdnet bag` published, and camera_info. Depth grows with the focal
    length, pixels stay; tracks, markers and TF are made anew from the corrected people. Exact where
    the network would have seen the same patches; where not, it says why.
    """
    from hdnet_ros.bags.errors import BagError
    from hdnet_ros.bags.rescale import rescale_bag
    from hdnet_ros.bags.source import Topics

    target = out or bag.with_name(f"{bag.stem if bag.is_file() else bag.name}_rescaled")
    given, _ = given_values(params)
    topics = Topics("", camera_info_topic, detections_topic, persons_topic)
    try:
        report = rescale_bag(bag, target, camera_file, given, topics, storage, overwrite)
    except BagError as error:
        raise click.ClickException(str(error)) from error
    click.echo(
        f"{report.target}: {report.people} people in {report.frames} images, depth x {report.factor:.5f}"
        + ("" if report.limits else ", exactly as another run would place them")
    )
    for reason in report.limits:
        click.echo(f"  not exactly what another run would give: {reason}")
    for remark in report.remarks:
        click.echo(f"  {remark}")
