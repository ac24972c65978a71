# What the scripts say to whoever watches: numbered steps, long output kept in a log and shown when something fails.
# Sourced. The caller sets `steps`, the number of steps to come.

step_now=0
logs=build/logs
mkdir -p "$logs"

# step TEXT: begins the next step.
step() {
  step_now=$((step_now + 1))
  printf '[%d/%d] %s\n' "$step_now" "${steps:-$step_now}" "$*"
}

say() { printf '      %s\n' "$*"; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# logged NAME COMMAND…: runs the command with its output in build/logs/NAME.log; the end of it is shown when it fails.
logged() {
  local log="$logs/$1.log"
  shift
  if "$@" >"$log" 2>&1 </dev/null; then return 0; fi
  printf '      failed: %s\n      the end of %s:\n' "$*" "$log" >&2
  tail -n 40 "$log" | sed 's/^/      | /' >&2
  return 1
}

# build PRESET [TARGET…]: configures where it is needed and builds, telling every tenth of the way.
build() {
  local preset="$1" log="$logs/build-$1.log" targets=()
  shift
  for target in "$@"; do targets+=(--target "$target"); done
  if [ ! -f "build/$preset/build.ninja" ]; then
    say "configuring build/$preset"
    logged "configure-$preset" cmake --preset "$preset" || return 1
  fi
  if cmake --build --preset "$preset" "${targets[@]}" 2>&1 </dev/null | tee "$log" | awk '
      match($0, /^\[[0-9]+\/[0-9]+\]/) {
        split(substr($0, 2, RLENGTH - 2), count, "/")
        tenth = int(10 * count[1] / count[2])
        if (count[2] >= 10 && tenth > told) { told = tenth; printf "      compiled %d of %d\n", count[1], count[2]; fflush() }
      }'; then return 0; fi
  printf '      the build failed; the end of %s:\n' "$log" >&2
  tail -n 60 "$log" | sed 's/^/      | /' >&2
  return 1
}
