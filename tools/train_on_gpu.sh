#!/usr/bin/env bash
# Train on a machine that is at hand for some minutes: renders on its cores while the GPU trains.
set -Eeuo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
HDNET="${HDNET:-python3 -m hdnet_ros.cli.main}"

usage() {
  cat <<'TEXT'
usage: tools/train_on_gpu.sh --out FOLDER --minutes N [OPTIONS]

  --config FILE     configuration, by default configs/hdnet_lite.yaml
  --init FILE       checkpoint (.safetensors) or state.pt to go on from, by default weights/hdnet_lite.safetensors
  --carried TAR     bodies and textures of ~/.cache/hdnet_ros (tar, also compressed), unpacked into $HDNET_CACHE
  --shards FOLDER   train on these and render none
  --dry-run         the same on the CPU, four steps of two patches: run it before the machine is lent

Ends by itself after the minutes. FOLDER then holds run/state.pt, from which the same command goes on, and
network.safetensors in parts of at most 15 MB: cat network.safetensors.* >network.safetensors
HDNET names another command than "python3 -m hdnet_ros.cli.main".
TEXT
}

out='' minutes='' config="$ROOT/configs/hdnet_lite.yaml" init="$ROOT/weights/hdnet_lite.safetensors"
carried='' shards='' training=(--set save_every=100)
while [ $# -gt 0 ]; do
  case "$1" in
    --out) out="$2"; shift 2 ;;
    --minutes) minutes="$2"; shift 2 ;;
    --config) config="$2"; shift 2 ;;
    --init) init="$2"; shift 2 ;;
    --carried) carried="$2"; shift 2 ;;
    --shards) shards="$2"; shift 2 ;;
    --dry-run)
      training=(--cpu --threads 1 --set optimiser.steps=4 --set optimiser.batch_size=2 --set precision=fp32)
      shift
      ;;
    -h | --help) usage; exit 0 ;;
    *) echo "train_on_gpu.sh: no option '$1'" >&2; usage >&2; exit 2 ;;
  esac
done
if [ -z "$out" ] || [ -z "$minutes" ]; then
  echo 'train_on_gpu.sh: --out and --minutes are needed' >&2
  exit 2
fi

export HDNET_CACHE="${HDNET_CACHE:-$HOME/.cache/hdnet_ros}" PYTHONPATH="${PYTHONPATH:-$ROOT}"
started=$SECONDS
mkdir -p "$out" "$HDNET_CACHE"
[ -z "$carried" ] || tar -xf "$carried" -C "$HDNET_CACHE"

renderer=''
stop_rendering() { [ -z "$renderer" ] || kill -- "-$renderer" 2>/dev/null || true; }
trap stop_rendering EXIT

if [ -z "$shards" ]; then
  shards="$out/shards"
  mkdir -p "$shards"
  cores=$(($(nproc) > 4 ? $(nproc) - 3 : 1))
  # A process group of its own, so that its workers end with it. A new seed each minute: no sample twice.
  OMP_NUM_THREADS=1 setsid $HDNET synth --out "$shards" --seed "$(($(date +%s) / 60))" --count 1000000 \
    --workers "$cores" >"$out/render.log" 2>&1 &
  renderer=$!
  until compgen -G "$shards/*.npz" >/dev/null; do
    kill -0 "$renderer" 2>/dev/null || { echo "rendering ended: $(tail -n 3 "$out/render.log")" >&2; exit 1; }
    [ $((SECONDS - started)) -lt $((minutes * 60)) ] || { echo 'no shard in all the minutes' >&2; exit 1; }
    sleep 1
  done
fi

left=$(((minutes * 60 - SECONDS + started) / 60))
$HDNET train "$config" --init "$init" --out "$out/run" --set "data.shards=$shards" --set losses.swap_tolerant_steps=0 \
  "${training[@]}" --minutes "$((left > 1 ? left : 1))" --export "$out/network.safetensors"
rm -f "$out"/network.safetensors.??
split -b 15000000 -d "$out/network.safetensors" "$out/network.safetensors."
ls -l "$out"/network.safetensors.??
