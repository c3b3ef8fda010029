"""What a user can cause ends in one line that says what to do, not in a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Turn errors of input, files, weights and missing packages into click's."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"{error}; training and evaluation need more than the node: requirements/learn.txt"
        ) from error
    except (ValueError, OSError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error
