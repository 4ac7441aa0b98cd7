#!/usr/bin/env bash
# Stands for rustc while the fuzzers are built: what is ours counts its edges and shows what it compares, as with
# `cargo fuzz --sanitizer none`. Libraries do not, which makes the fuzzers several times quicker. With FUZZ_COMPARES=no nothing shows what
# it compares, which makes them twice as quick again: for long runs from a corpus that has the words already.
case " $* " in
    *" --crate-name palisade "* | *" --crate-name palisade_fuzz "*)
        compares=-Cllvm-args=-sanitizer-coverage-trace-compares
        [ "${FUZZ_COMPARES:-yes}" = yes ] || compares=
        exec "$@" -Ccodegen-units=1 -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3 \
            -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table ${compares:+"$compares"}
        ;;
    *) exec "$@" ;;
esac
