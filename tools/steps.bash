# Steps of a setup: each is named, timed and logged, and says what to do when it fails.
# Sourced by ./run; STATE is the folder for logs and stamps.

STATE="$ROOT/.hdnet"
LOGS="$STATE/log"

# step TITLE NAME ADVICE COMMAND...: run the command, its output in log/NAME.log; leave when it fails.
step() {
  local title="$1" name="$2" advice="$3"
  shift 3
  if ! timed "$title" "$name" "$@"; then
    report_failure "$title" "$name" "what to do: $advice"
    exit 1
  fi
}

# optional_step: the same, but a failure is only reported; returns 1 then.
optional_step() {
  local title="$1" name="$2" advice="$3"
  shift 3
  timed "$title" "$name" "$@" && return 0
  report_failure "$title" "$name" "without it: $advice"
  return 1
}

timed() {
  local title="$1" log="$LOGS/$2.log" began=$SECONDS status=0 job
  shift 2
  mkdir -p "$LOGS"
  "$@" >"$log" 2>&1 </dev/null &
  job=$!
  trap 'kill "$job" 2>/dev/null; exit 130' INT TERM
  show_progress "$title" "$log" "$job" "$began"
  wait "$job" || status=$?
  trap - INT TERM
  [ "$status" -ne 0 ] || [ $((SECONDS - began)) -lt 2 ] || say "$title: done in $((SECONDS - began)) s"
  return "$status"
}

# One line that counts on a terminal; elsewhere a line at the start and one every half minute.
show_progress() {
  local title="$1" log="$2" job="$3" began="$4" shown=-30 elapsed tail_line
  while kill -0 "$job" 2>/dev/null; do
    elapsed=$((SECONDS - began))
    tail_line="$(tail -c 300 "$log" 2>/dev/null | tr '\r' '\n' | tail -n 1 | cut -c 1-60)"
    if [ -t 2 ]; then
      printf '\r\033[K%s ... %d s  %s' "$title" "$elapsed" "$tail_line" >&2
    elif [ $((elapsed - shown)) -ge 30 ]; then
      [ "$elapsed" -lt 1 ] || say "$title ... $elapsed s  $tail_line"
      shown=$elapsed
    fi
    sleep 0.3
  done
  [ ! -t 2 ] || printf '\r\033[K' >&2
}

report_failure() {
  local log="$LOGS/$2.log"
  {
    echo "----"
    echo "This step failed: $1"
    echo "why (the end of ${log#"$ROOT"/}):"
    grep -v '^ *$' "$log" | tail -n 20 | sed 's/^/    /'
    echo "$3"
    echo "----"
  } >&2
}

say() { echo "$*" >&2; }

# Whether what NAME stands for was made from the same input: uptodate NAME HASH; then remember NAME HASH.
uptodate() { [ "$(cat "$STAMPS/$1" 2>/dev/null)" = "$2" ]; }
remember() { mkdir -p "$STAMPS" && echo "$2" >"$STAMPS/$1"; }
