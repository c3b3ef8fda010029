#!/usr/bin/env bash
# requirements/lock/: exact versions with hashes of what requirements/*.txt allow, for ./run; uv is needed.
# What an environment has is kept where it fits: tools/lock.sh [ENVIRONMENT]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
command -v uv >/dev/null || { echo 'tools/lock.sh needs uv: pip install uv' >&2; exit 1; }
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
# The wheels of ROS exist for these alone.
cat >"$work/pyproject.toml" <<'TOML'
[project]
name = "locked"
version = "0"
requires-python = ">=3.10,<3.14"
[tool.uv]
environments = ["sys_platform == 'linux' and platform_machine == 'x86_64'"]
TOML
kept=()
if [ $# -gt 0 ]; then
  version="$("$1/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
  "$1/bin/python" -m pip freeze | grep -v '^-e\| @ ' | sed "s/\$/ ; python_version == '$version'/" >"$work/kept.txt"
  kept=(-c "$work/kept.txt")
fi
for name in run ros test learn; do
  here="$PWD"
  (cd "$work" && uv pip compile -q --universal --generate-hashes --no-header --no-annotate "${kept[@]}" \
    -c "$here/requirements/run.txt" -c "$here/requirements/ros.txt" "$here/requirements/$name.txt" -o "$name.txt")
  {
    echo "# Of requirements/$name.txt, sha256 $(sha256sum <"requirements/$name.txt" | cut -d ' ' -f 1); by tools/lock.sh."
    cat "$work/$name.txt"
  } >"requirements/lock/$name.txt"
done
