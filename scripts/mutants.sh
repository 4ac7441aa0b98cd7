#!/usr/bin/env bash
# Changes the code of a room in small ways, one at a time, and sees whether its tests notice: with cargo-mutants
# (`cargo install --locked cargo-mutants`). How many did is noted in tests/data/reliability/mutants.tsv; what nobody noticed is printed.
#
#   scripts/mutants.sh ROOM [K/N]     client, body, operators, transformations, seclang, pingback or html; of N parts the K-th, from 0
#   scripts/mutants.sh sample         a few of each of the first three
#
# A room is hundreds of changes, each of which is compiled: a part of twenty is an answer, too.
set -eu
cd "$(dirname "$0")/.."
room=${1:?usage: scripts/mutants.sh ROOM [K/N]}
shard=${2:-0/1}
data=tests/data/reliability/mutants.tsv
if ! cargo mutants --version > /dev/null 2>&1; then
    echo 'mutants.sh: no cargo-mutants: cargo install --locked cargo-mutants' >&2
    exit 2
fi
total() { awk -F'\t' '{ caught += $3; missed += $4 } END { printf "%d of %d (%d %%)\n", caught, caught + missed, 100 * caught / (caught + missed) }' "$data"; }
if [ "$room" = sample ]; then
    for part in 'client 0/16' 'body 0/200' 'operators 0/200'; do
        # shellcheck disable=SC2086 # two words
        "$0" $part
    done
    total
    exit
fi
case $room in
    html) files='src/html.rs' tests='--test pingback --test engine' ;;
    seclang) files='src/seclang/**' tests='--test properties --test engine' ;;
    transformations) files="src/$room/**" tests="--test $room" ;;
    *) files="src/$room/**" tests="--test $room" ;;
esac
case $room in
    operators) tests="$tests --test libinjection" ;;
    client) tests="$tests --test engine" ;;
esac
output=${CARGO_TARGET_DIR:-$PWD/target}/mutants/$room-${shard/\//-of-}
mkdir -p "$output" "${data%/*}"
# shellcheck disable=SC2086 # several words
cargo mutants --no-shuffle --no-times --shard "$shard" -f "$files" -e '**/tests.rs' -e '**/tests/**' -o "$output" --timeout 120 \
    --cargo-arg=--no-default-features -- --lib $tests || true
found() { if [ -f "$output/mutants.out/$1.txt" ]; then wc -l < "$output/mutants.out/$1.txt"; else echo 0; fi; }
caught=$(($(found caught) + $(found timeout)))
missed=$(found missed)
touch "$data"
{
    awk -F'\t' -v room="$room" -v shard="$shard" '$1 != room || $2 != shard' "$data"
    printf '%s\t%s\t%s\t%s\t%s\n' "$room" "$shard" "$caught" "$missed" "$(git log -1 --format=%h -- src)"
} | LC_ALL=C sort -o "$data"
echo "$room $shard: $caught caught, $missed missed"
cat "$output/mutants.out/missed.txt"
