#!/usr/bin/env bash
# Runs the fuzzers with libFuzzer and the stable compiler, and notes in fuzz/executions.tsv how many inputs each tried. An input that
# fails is left in fuzz/artifacts/TARGET/; put it into fuzz/seeds/TARGET/, where it is a test, with what mends it.
#
#   scripts/fuzz.sh 60s [TARGET...]        a minute each
#   scripts/fuzz.sh 1000000 [TARGET...]    a million inputs each
#
# Nothing else is needed; with cargo-fuzz, `cargo fuzz run --sanitizer none TARGET` does the same for one. FUZZ_LEDGER names
# another file for the notes.
set -eu

amount=${1:?usage: scripts/fuzz.sh SECONDSs|INPUTS [TARGET...]}
shift
case $amount in
    *s) amount=-max_total_time=${amount%s} ;;
    *) amount=-runs=$amount ;;
esac
cd "$(dirname "$0")/.."
if [ $# = 0 ]; then
    # shellcheck disable=SC2046 # one word for each target
    set -- $(basename -s .rs fuzz/fuzz_targets/*.rs)
fi
target=${PALISADE_FUZZ_TARGET_DIR:-fuzz/target}
# The triple named, so that build scripts are not instrumented.
triple=$(rustc -vV | sed -n 's/^host: //p')
RUSTC_WRAPPER=$PWD/fuzz/instrument.sh cargo build --release --manifest-path fuzz/Cargo.toml --target "$triple" --target-dir "$target"
ledger=${FUZZ_LEDGER:-fuzz/executions.tsv}
commit=$(git rev-parse --short HEAD 2> /dev/null || echo unknown)
failed=0
for name; do
    mkdir -p "fuzz/corpus/$name" "fuzz/artifacts/$name"
    # Short inputs are quick, and long enough for what a parser can be in; what length does is tried by tests.
    case $name in
        arguments | configuration | prefilter) longest=64 ;;
        audit | operators) longest=96 ;;
        *) longest=256 ;;
    esac
    log=$(mktemp)
    if ! "$target/$triple/release/$name" "fuzz/corpus/$name" "fuzz/seeds/$name" "$amount" -max_len=$longest -entropic=0 -dict=fuzz/pieces.dict \
        -timeout=20 -rss_limit_mb=1024 -artifact_prefix="fuzz/artifacts/$name/" -print_final_stats=1 > "$log" 2>&1; then
        failed=1
        tail -n 20 "$log" >&2
    fi
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    printf '%s\t%s\t%s\t%s\n' "$name" "${executions:-0}" "$(date -u +%Y-%m-%d)" "$commit" >> "$ledger"
    echo "$name: ${executions:-0} inputs, ${edges:-0} edges"
    rm -f "$log"
done
exit $failed
