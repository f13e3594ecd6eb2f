#!/bin/sh
# Builds the package of this commit in two directories of different length and compares them to the byte:
# packaging/reproducible.sh [PROGRAM]. With PROGRAM only the packing is done twice, not the build. Called by `make reproducible`.
set -eu
cd "$(dirname "$0")/.."

scratch=$(mktemp -d "${TMPDIR:-/tmp}/bode-reproducible.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
program=${1:-}
[ -z "$program" ] || program=$(realpath "$program")
for place in a a-place-with-a-longer-name/b; do
    mkdir -p "$scratch/$place"
    git archive HEAD | tar -x -C "$scratch/$place"
    # Where there is no repository the time is told.
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) "$scratch/$place/packaging/deb.sh" ${program:+"$program"}
done
one=$(echo "$scratch"/a/target/package/bode_*.deb)
other=$(echo "$scratch"/a-place-with-a-longer-name/b/target/package/bode_*.deb)
if ! cmp "$one" "$other"; then
    echo "not the same; diffoscope tells where" >&2
    exit 1
fi
echo "the same: $(sha256sum "$one" | cut -d' ' -f1)"
