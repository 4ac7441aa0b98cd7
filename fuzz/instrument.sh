#!/usr/bin/env bash
# Stands for rustc while the fuzzers are built: what is ours counts its edges and shows what it compares, as with
# `cargo fuzz --sanitizer none`. Libraries do not, which makes the fuzzers several times quicker.
case " $* " in
    *" --crate-name palisade "* | *" --crate-name palisade_fuzz "*)
        exec "$@" -Ccodegen-units=1 -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
            -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
            -Cllvm-args=-sanitizer-coverage-trace-compares
        ;;
    *) exec "$@" ;;
esac
