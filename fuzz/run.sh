#!/bin/sh
# Builds the fuzz targets with the stable compiler and runs each for some seconds, one after the other:
#   fuzz/run.sh SECONDS [TARGET…]
# Inputs that were found worth keeping stay in fuzz/corpus/TARGET, those that broke something in fuzz/artifacts. Seeds
# are our own fixtures, and what lies in the folders that FUZZ_SEEDS names. The log of each target: fuzz/logs.
set -eu
cd "$(dirname "$0")"
seconds=${1:-60}
[ $# -gt 0 ] && shift
# The very versions that the program is built with.
cp ../Cargo.lock Cargo.lock
RUSTC_WRAPPER="$PWD/rustc.sh" cargo build --target-dir target
targets=${*:-$(ls targets | sed 's/\.rs$//')}
failed=""
for target in $targets; do
    mkdir -p "corpus/$target" "artifacts/$target" logs
    seeds=""
    for dir in ../tests/fixtures ../tests/samples ${FUZZ_SEEDS:-}; do
        for sub in $(find "$dir" -type d); do seeds="$seeds $sub"; done
    done
    dictionary=""
    [ -f "dictionaries/$target.dict" ] && dictionary="-dict=dictionaries/$target.dict"
    echo "== $target, $seconds seconds"
    # -timeout: seconds for one input; a worker has as many for a document.
    if ! "target/debug/$target" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=2500 -max_len=300000 \
        -artifact_prefix="artifacts/$target/" -print_final_stats=1 $dictionary "corpus/$target" $seeds \
        > "logs/$target.log" 2>&1; then
        failed="$failed $target"
        grep -aE "panicked|ERROR|SUMMARY|Test unit written" "logs/$target.log" | head -5
    fi
    grep -aE "stat::(number_of_executed_units|peak_rss_mb|new_units_added)" "logs/$target.log" || true
done
[ -z "$failed" ] || { echo "broken:$failed"; exit 1; }
