"""The estimator on the images of several cameras that came together; nothing of ROS."""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple


class Found(NamedTuple):
    """People of one image, (index, reason) of boxes left out, and the time of the whole batch."""

    people: list
    rejected: list[tuple[int, str]]
    inference_ms: float


def localize_together(estimator: Any, images: Sequence[Any]) -> list[Found]:
    """Return the people of every image, in order.

    An estimator with `localize_many` gets all at once, so that their people share a batch.

    Parameters
    ----------
    images : with image_rgb, detections and camera
    """
    started = time.perf_counter()
    if len(images) > 1 and hasattr(estimator, "localize_many"):
        found = estimator.localize_many(
            [(image.image_rgb, image.detections, image.camera) for image in images]
        )
    else:
        found = []
        for image in images:
            people = estimator.localize(image.image_rgb, image.detections, image.camera)
            found.append((people, list(getattr(estimator, "last_rejected", ()))))
    elapsed_ms = 1000.0 * (time.perf_counter() - started)
    return [Found(people, rejected, elapsed_ms) for people, rejected in found]
