"""What launch files make of their arguments: checked before anything is started. Nothing of ROS is needed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

DDS_PROFILE_VARIABLES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def flag(name: str, text: str) -> bool:
    """Return what an argument says: true, yes, on, 1, or false, no, off, 0, in whatever case.

    Raises
    ------
    ValueError : it says something else
    """
    said = text.strip().lower()
    if said not in _TRUE + _FALSE:
        raise ValueError(f"{name}:={text}: expected true or false")
    return said in _TRUE


def namespace(name: str, text: str) -> str:
    """Return a namespace without slashes around it; empty: none.

    Raises
    ------
    ValueError : ROS does not take it: a part is empty, begins with a digit, or holds more than letters,
        digits and underscores
    """
    stripped = text.strip().strip("/")
    for part in stripped.split("/") if stripped else ():
        if not _NAME.fullmatch(part):
            raise ValueError(
                f"{name}:={text}: {part!r} is no name in ROS, expected letters, digits and underscores, "
                "a letter or underscore first"
            )
    return stripped


def cameras(text: str) -> list[str]:
    """Return the namespaces of several cameras, given with spaces or commas between them; none: [].

    Raises
    ------
    ValueError : one that ROS does not take, or that comes twice
    """
    names = [namespace("cameras", name) for name in text.replace(",", " ").split()]
    if len(set(names)) != len(names):
        raise ValueError(f"cameras:={text}: a name comes twice, expected different ones")
    return names


def camera_topic(camera: str, name: str, topic: str) -> str:
    """Return a topic of one of several cameras, relative to the node's namespace; camera "" is the only one.

    Raises
    ------
    ValueError : an absolute topic, which several cameras would share, or one that ROS does not take
    """
    if camera and topic.startswith(("/", "~")):
        raise ValueError(
            f"{name}:={topic}: with several cameras expected a name relative to each camera's namespace, "
            f"as image_raw, for {camera}/image_raw"
        )
    leading = "/" if topic.startswith("/") else "~/" if topic.startswith("~/") else ""
    plain = namespace(name, topic.removeprefix("~/"))
    if not plain:
        raise ValueError(f"{name}:={topic}: expected the name of a topic")
    return f"{camera}/{plain}" if camera else leading + plain


def split_namespace(text: str) -> tuple[str, str]:
    """Return all of a namespace but its last part, and that part: "robot/front" is ("robot", "front")."""
    outer, _, last = text.rpartition("/")
    return outer, last


def existing_file(name: str, text: str) -> str:
    """Return the path of a file that an argument names.

    Raises
    ------
    ValueError : there is none; launch itself would go on without it
    """
    path = Path(text).expanduser()
    if not path.is_file():
        raise ValueError(f"{name}:={text}: there is no such file")
    return str(path)


def missing_executable(package: str, executable: str) -> str:
    """Return why something of another package cannot be started and what to do; empty: it can."""
    from ament_index_python.packages import PackageNotFoundError, get_package_prefix

    apt = f"apt install ros-{os.environ.get('ROS_DISTRO', '<distro>')}-{package.replace('_', '-')}"
    try:
        prefix = get_package_prefix(package)
    except (PackageNotFoundError, ValueError, OSError):
        return f"the package {package} is not installed: {apt}"
    if not Path(prefix, "lib", package, executable).is_file():
        return f"the package {package} in {prefix} has no executable {executable}: {apt}"
    return ""


def dds_profile(environment: Mapping[str, str], profile: str) -> tuple[dict[str, str], str]:
    """Return the variables to set so that Fast DDS reads a profile, and what to tell where the user has his own.

    A profile that the user has chosen stays: Fast DDS reads one file.
    """
    chosen = {name: environment[name] for name in DDS_PROFILE_VARIABLES if environment.get(name)}
    if not chosen:
        return dict.fromkeys(DDS_PROFILE_VARIABLES, profile), ""
    if all(_is_same(path, profile) for path in chosen.values()):
        return {}, ""
    told = ", ".join(f"{name}={value}" for name, value in chosen.items())
    return {}, (
        f"{told} stays in force. Images above 0.5 MB need the large shared memory of {profile}: "
        "put its transport into your profile where images do not arrive"
    )


def _is_same(path: str, other: str) -> bool:
    if path == other:
        return True
    try:
        return Path(path).read_bytes() == Path(other).read_bytes()
    except OSError:
        return False
