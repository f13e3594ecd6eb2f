#!/bin/sh
# The compiler for fuzz targets (RUSTC_WRAPPER): marks the edges and comparisons of our own code for libFuzzer, as
# cargo-fuzz does without a sanitizer. The libraries are left as they are: they are fuzzed by their own projects.
case " $* " in
*" --crate-name bode "*)
    exec "$@" --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=4
    ;;
*) exec "$@" ;;
esac
