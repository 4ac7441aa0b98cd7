#!/usr/bin/env bash
# What part of the sources the tests reach: lines by room, as rustc counts them, into tests/data/reliability/coverage.tsv.
#
#   scripts/coverage.sh [--without-httpd]
#
# Needs llvm-profdata and llvm-cov of rustc's own LLVM: `rustup component add llvm-tools`. Where there are none, it says so and ends
# with 2. Cargo calls this script as its wrapper, too, so that only what is ours is counted.
set -eu
if [ -n "${COVERAGE_WRAPPER:-}" ] && [[ ${1:-} = *rustc ]]; then
    exec "$@" -Cinstrument-coverage
fi
cd "$(dirname "$0")/.."
host=$(rustc -vV | sed -n 's/^host: //p')
bin=$(rustc --print sysroot)/lib/rustlib/$host/bin
if ! [ -x "$bin/llvm-profdata" ] || ! [ -x "$bin/llvm-cov" ]; then
    echo 'coverage.sh: no llvm-cov: rustup component add llvm-tools' >&2
    exit 2
fi
target=${CARGO_TARGET_DIR:-$PWD/target}
work=$target/coverage
rm -rf "$work"
mkdir -p "$work/profiles"
# httpd's children write theirs as another user, when they end.
chmod 1777 "$work/profiles"
export LLVM_PROFILE_FILE=$work/profiles/%p-%4m.profraw
export COVERAGE_WRAPPER=1 RUSTC_WORKSPACE_WRAPPER=$PWD/scripts/coverage.sh
log=$work/tests.log
run() { cargo test --no-fail-fast "$@" >> "$log" 2>&1 || echo "coverage.sh: a test failed: see $log" >&2; }
run --lib --test advisories --test audit --test body --test cli --test cli_audit --test cli_rules --test client --test collections \
    --test engine --test libinjection --test operators --test pingback --test prefilter --test properties --test scripts \
    --test transformations --test xpath
cargo build >> "$log" 2>&1
mapfile -t objects < <(sed -n 's/^ *Running .*(\(.*\))$/\1/p' "$log")
objects+=("$target/debug/palisade")
if [ "${1:-}" != --without-httpd ]; then
    cp -f "$target/debug/libpalisade.so" "$work/mod_palisade.so"
    PALISADE_MODULE=$work/mod_palisade.so run --test httpd -- bodies denials http2 links logs pingbacks redirects responses sections \
        status start surface uploads verification scripts bans
    objects+=("$work/mod_palisade.so")
fi
"$bin/llvm-profdata" merge --failure-mode=all -sparse -o "$work/all.profdata" "$work"/profiles/*.profraw 2>> "$log"
rm -rf "$work/profiles"
arguments=()
for object in "${objects[@]:1}"; do arguments+=(-object "$object"); done
"$bin/llvm-cov" export -format=lcov -instr-profile "$work/all.profdata" "${objects[0]}" "${arguments[@]}" \
    --ignore-filename-regex '(^|/)(tests|benches|fuzz|target)/|/tests\.rs$|\.cargo/|rustc/|rustlib/' > "$work/lines.info" 2>> "$log"
mkdir -p tests/data/reliability
# A line of a generic function stands there once for each of its types: it is reached if one is.
# Behind #[cfg(test)] are tests.
awk -F'[:,]' -v here="$PWD/src/" '
    /^SF:/ {
        path = file = substr($0, 4); sub(here, "", file); room = file; sub(/\/.*/, "", room); sub(/\.rs$/, "", room)
        end = number = 0
        while ((getline text < path) > 0) { number++; if (text ~ /^#\[cfg\(test\)\]/ && !end) end = number }
        close(path)
    }
    /^DA:/ && (!end || $2 < end) { line = file ":" $2; if (!(line in lines)) { lines[line] = room; all[room]++ } if ($3 > 0 && !(line in hit)) { hit[line] = 1; reached[room]++ } }
    END { for (room in all) print room "\t" all[room] "\t" reached[room] + 0 }' "$work/lines.info" | LC_ALL=C sort > tests/data/reliability/coverage.tsv
awk -F'\t' '{ all += $2; reached += $3 } END { printf "%.1f %% of %d lines\n", 100 * reached / all, all }' tests/data/reliability/coverage.tsv
