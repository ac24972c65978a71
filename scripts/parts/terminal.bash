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

# tell_build: passes ninja's lines on to nobody and tells every tenth of the way. Bash, because awk keeps lines back in a pipe.
tell_build() {
  local line done_count all told=0
  while IFS= read -r line; do
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
    done_count=${BASH_REMATCH[1]} all=${BASH_REMATCH[2]}
    if [ "$all" -ge 10 ] && [ $((10 * done_count / all)) -gt "$told" ]; then
      told=$((10 * done_count / all))
      say "compiled $done_count of $all"
    fi
  done
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
  if cmake --build --preset "$preset" "${targets[@]}" 2>&1 </dev/null | tee "$log" | tell_build; then return 0; fi
  printf '      the build failed; the end of %s:\n' "$log" >&2
  tail -n 60 "$log" | sed 's/^/      | /' >&2
  return 1
}
