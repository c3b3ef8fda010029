"""The table of settings as text: `python -m hdnet_ros.pipeline.settings_text > config/hdnet.yaml`."""

import json
import textwrap

from hdnet_ros.pipeline.setting import Setting
from hdnet_ros.pipeline.settings import SETTINGS

_HEAD = """\
# Parameters of hdnet_ros with their defaults, written from hdnet_ros/pipeline/settings.py by
#   python -m hdnet_ros.pipeline.settings_text > config/hdnet.yaml
# Use: ros2 run hdnet_ros hdnet_node --ros-args --params-file hdnet.yaml; `hdnet bag --params-file` reads it, too.
"""


def as_yaml() -> str:
    """Return the parameter file with every default."""
    parts = [_HEAD]
    for node, table in SETTINGS.items():
        parts.append(f"\n/**/{node}:\n  ros__parameters:\n")
        parts.append("\n".join(_yaml_of(setting) for setting in table))
    return "".join(parts)


def as_markdown(node: str) -> str:
    """Return the table of a node's parameters for the reference pages."""
    lines = ["| parameter | type | default | what it does |", "|---|---|---|---|"]
    for setting in SETTINGS[node]:
        about = "; ".join([setting.sentence(), *_limits(setting)]).replace("|", "\\|")
        lines.append(f"| `{setting.name}` | {setting.kind} | `{json.dumps(setting.default)}` | {about} |")
    return "\n".join(lines) + "\n"


def _yaml_of(setting: Setting) -> str:
    limits = _limits(setting)
    about = setting.sentence() + (f" ({'; '.join(limits)})" if limits else "")
    first = about.split(" ", 1)[0]
    if first.isalpha() and first.islower() and first not in setting.choices:
        about = about[0].upper() + about[1:]
    comment = textwrap.wrap(about, 94, break_on_hyphens=False, break_long_words=False)
    value = json.dumps(setting.default)
    return "".join(f"    # {line}\n" for line in comment) + f"    {setting.name}: {value}\n"


def _limits(setting: Setting) -> list[str]:
    limits = []
    if setting.span:
        limits.append("range {:g} to {:g}".format(*setting.span))
    if setting.choices:
        each = "each one of" if isinstance(setting.default, list) else "one of"
        limits.append(f"{each} {', '.join(setting.choices)}")
    if setting.read_only:
        limits.append(setting.effect)
    return limits


if __name__ == "__main__":
    print(as_yaml(), end="")
