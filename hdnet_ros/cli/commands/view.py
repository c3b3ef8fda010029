"""`hdnet view`: camera and bird's-eye view of a bag or of running nodes, in the browser."""

from __future__ import annotations

import click

from hdnet_ros.cli.commands.failures import told_in_one_line

LIVE = "live"


@click.command()
@click.argument("source", metavar="BAG|live")
@click.option("--persons-topic", default="", help="The PersonRootArray to show; by default the bag's, live"
                                                  " /hdnet_node/persons.")  # fmt: skip
@click.option("--image-topic", default="", help="The picture to show; by default the bag's, live /image.")
@click.option("--host", default="127.0.0.1", show_default=True,
              help="Address to answer on; 0.0.0.0 lets other machines look.")  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535), default=8750, show_default=True, help="0: a free one.")
def view(source, persons_topic, image_topic, host, port):
    """A page with the picture and the people from above, side by side; a bag has a time slider."""
    with told_in_one_line():
        from hdnet_ros.cli.view.server import ViewServer

        if source == LIVE:
            frames, close = _live(persons_topic or "/hdnet_node/persons", image_topic or "/image")
        else:
            from hdnet_ros.cli.view.bag_frames import BagFrames

            frames = BagFrames(source, persons_topic, image_topic)
            close = frames.close
        try:
            with ViewServer(frames, host, port) as server:
                click.echo(f"{server.url}  (stop with Ctrl-C)")
                server.serve_forever()
        except KeyboardInterrupt:
            pass
        finally:
            close()


def _live(persons_topic: str, image_topic: str):
    """Frames filled by a node that listens, and what ends it."""
    try:
        from hdnet_ros.ros.view_feed import ViewFeed
    except ImportError as error:
        raise click.ClickException(
            f"`hdnet view live` needs ROS 2 and the built messages, sourced in this shell: {error}; a bag needs neither"
        ) from error
    from hdnet_ros.messages.images import ImageDecoder
    from hdnet_ros.cli.view.frames import LiveFrames
    from hdnet_ros.cli.view.pictures import jpeg_of
    from hdnet_ros.cli.view.scene import scene

    frames = LiveFrames(persons_topic)
    decoder = ImageDecoder()

    def push(persons, tracks, camera_to_tracking, info, image) -> None:
        jpeg = None if image is None else jpeg_of(image, decoder)
        frames.push(scene(persons, tracks, camera_to_tracking, info), jpeg)

    feed = ViewFeed(persons_topic, image_topic, push)
    return frames, feed.close
