#!/usr/bin/env bash
# Code that is watched while it runs, by the compiler's own means.
#
#   scripts/sanitise.sh address     the module in a stock httpd under AddressSanitizer (scripts/memcheck.sh sends the requests)
#   scripts/sanitise.sh thread      what processes and threads share, under ThreadSanitizer: the library's tests of it
#   scripts/sanitise.sh miri        the pure rooms in Miri, which needs a nightly toolchain
#
# The first two work with the stable compiler; the standard library is built along with them, from `rustup component add rust-src`.
# Where something is missing it is said, and the script ends with 2.
set -euo pipefail
cd "$(dirname "$0")/.."
host=$(rustc -vV | sed -n 's/^host: //p')
# Separate for each, because the standard library is another.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/sanitise-${1:-}
mkdir -p "${CARGO_TARGET_DIR%/*}"

missing() {
    echo "sanitise.sh: $*" >&2
    exit 2
}
with_std() {
    [ -d "$(rustc --print sysroot)/lib/rustlib/src/rust/library" ] || missing 'no rust-src: rustup component add rust-src'
    # Options of the compiler that stable ones have, too, but do not promise.
    export RUSTC_BOOTSTRAP=1
}
# watched CARGO'S ARGUMENTS: runs tests, and says how many they were.
watched() {
    cargo "$@" 2>&1 | tee "$CARGO_TARGET_DIR.log"
    awk '/^test result:/ { passed += $4 } END { print passed " tests, nothing found" }' "$CARGO_TARGET_DIR.log"
}

case ${1:-} in
    address)
        with_std
        # The library that watches is preloaded: httpd is started by it, not linked with it.
        RUSTFLAGS='-Zsanitizer=address -Zexternal-clangrt' cargo build -Zbuild-std --target "$host" --lib
        module=$CARGO_TARGET_DIR/$host/debug/mod_palisade.so
        cp -f "${module%/*}/libpalisade.so" "$module"
        PALISADE_MODULE=$module scripts/memcheck.sh asan
        ;;
    thread)
        with_std
        RUSTFLAGS=-Zsanitizer=thread TSAN_OPTIONS=halt_on_error=1 watched test -Zbuild-std --target "$host" --no-default-features --lib -- \
            metrics:: collections:: bans:: linkback::memory audit:: lookups:: operators::rx ruleset:: debug_log
        ;;
    miri)
        cargo +nightly miri --version > /dev/null 2>&1 || missing 'no Miri: rustup toolchain install nightly --component miri,rust-src'
        # Some tests read the clock, or a file of the project. Those of long inputs take hours where each step is watched.
        MIRIFLAGS=-Zmiri-disable-isolation watched +nightly miri test --no-default-features --lib -- \
            byte_set:: html:: template:: seclang:: client:: body::cookies body::urlencoded types:: variables:: \
            --skip thousand --skip deep --skip long_ --skip large --skip wide --skip huge --skip limit --skip number --skip bound --skip split --skip depth --skip links::
        ;;
    *) missing 'address, thread or miri?' ;;
esac
