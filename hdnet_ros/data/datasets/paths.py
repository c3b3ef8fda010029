"""Where the files of a data set lie; people unpack them in more than one way."""

from __future__ import annotations

from pathlib import Path


def first_file(root: Path, *names: str) -> Path:
    """The first of some files or folders below a root that exists.

    Raises
    ------
    FileNotFoundError : none does; all are named
    """
    for name in names:
        if (root / name).exists():
            return root / name
    raise FileNotFoundError(f"{root}: no {' and no '.join(names)}")
