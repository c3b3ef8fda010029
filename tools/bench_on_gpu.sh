#!/usr/bin/env bash
# On a machine with a GPU, in one go: depths on CUDA against those on the CPU, then `hdnet bench` on it.
# Everything that is printed goes to out/bench_on_gpu/, too. HDNET_DEVICE=cpu tries the script itself.
set -Eeuo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

device="${HDNET_DEVICE:-cuda}"
out="out/bench_on_gpu"
mkdir -p "$out"

if [ "$device" != cpu ] && ! command -v nvidia-smi >/dev/null; then
  echo "tools/bench_on_gpu.sh: no nvidia-smi, so no NVIDIA GPU to measure; HDNET_DEVICE=cpu tries the script" >&2
  exit 1
fi
{ [ "$device" = cpu ] || nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv; } | tee "$out/machine.txt"
./run shell <<SHELL 2>&1 | tee "$out/log.txt"
set -e
python tools/compare_devices.py --device "$device" --out "$out/depths.json"
hdnet bench --device "$device" --minutes "${HDNET_MINUTES:-4}" --out "$out/bench.json"
SHELL
