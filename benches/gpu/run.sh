#!/usr/bin/env bash
# A graphics card beside the processor, and beside transformers and vLLM where they are, in less than eight minutes:
#
#   benches/gpu/run.sh GPU_BENCH [DEVICE] [SCORE_OPTION..]
#
# GPU_BENCH is the binary, as `cargo xtask cuda-binary` leaves it; DEVICE is `cuda` by default. What follows is
# for `gpu-bench score`, such as `--rate 989` for a card that the benchmark does not know. Results go to the directory
# $RESULTS, or `gpu-results`; the interpreter of Python is $PYTHON, or `python3`. $CONFIG is the shape of the model, a
# 7B one by default. Every part may take $PATIENCE times as long, 1 by default: a driver in software needs that.
set -euo pipefail

bench=$(realpath "${1:?expected the path of gpu-bench, found nothing}")
device=${2:-cuda}
shift $(($# < 2 ? $# : 2))
python=${PYTHON:-python3}
here=$(dirname "$(realpath "$0")")
config=$(realpath "${CONFIG:-$here/7b.json}")
patience=${PATIENCE:-1}
results=$(realpath -m "${RESULTS:-gpu-results}")
mkdir -p "$results"

# Every part is bounded: 60 + 210 + 90 + 110 seconds.
bounded() {
  timeout "$(($1 * patience))" "${@:2}"
}
bounded 60 "$bench" agree --device "$device"
bounded 210 "$bench" score --device "$device" --config "$config" --seconds 60 \
  --sequences "$results/sequences.json" --out "$results/lobass.json" "$@"

for peer in transformers:90 vllm:110; do
  name=${peer%:*}
  if ! "$python" -c "import $name" 2>/dev/null; then
    echo "$name: not there, so not compared"
    continue
  fi
  # A peer that fails says why, and takes nothing from what was measured.
  bounded "${peer#*:}" "$python" "$here/peer.py" "$name" --config "$config" \
    --sequences "$results/sequences.json" --ours "$results/lobass.json" --out "$results/$name.json" \
    || echo "$name: failed or took too long, so not compared"
done
