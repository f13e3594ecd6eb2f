#!/bin/sh
# The Debian package from this tree: packaging/deb.sh [PROGRAM]. Called by `make deb`, which installs what it needs.
#
# The same commit gives the same bytes: times are those of the commit (SOURCE_DATE_EPOCH), and no path of this machine stands in the
# program. PROGRAM is packed as it is (a build for a quick try); without it a release build is made.
set -eu
cd "$(dirname "$0")/.."

here=$(pwd)
out=$here/target/package
made=$out/made
mkdir -p "$out"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y Cargo.toml)}
export SOURCE_DATE_EPOCH TZ=UTC LC_ALL=C.UTF-8
umask 022

program=${1:-}
if [ -z "$program" ]; then
    cargo_home=${CARGO_HOME:-$HOME/.cargo}
    rust=$(rustc --print sysroot)
    export RUSTFLAGS="--remap-path-prefix=$here=/bode --remap-path-prefix=$cargo_home=/cargo --remap-path-prefix=$rust=/rust"
    export CFLAGS="-ffile-prefix-map=$here=/bode -ffile-prefix-map=$cargo_home=/cargo" CARGO_TARGET_DIR="$out/build"
    cargo build --release --locked
    program=$out/build/release/bode
fi

# What the program says of itself, and of what it was built from.
rm -rf "$made" "$out"/bode_*.deb
mkdir -p "$made"
"$program" pages "$made"
python3 packaging/sbom.py > "$made/bode.cdx.json"
python3 packaging/copyright.py > "$made/copyright"
gzip -9nc CHANGELOG.md > "$made/changelog.gz"

# cargo-deb takes the program from where cargo would have laid it.
staged=$out/staged
mkdir -p "$staged/release"
cp "$program" "$staged/release/bode"
strip --strip-unneeded "$staged/release/bode"
CARGO_TARGET_DIR=$staged "$CARGO_DEB" --no-build --no-strip --locked --output "$out/" >/dev/null
rm -rf "$staged"

for package in "$out"/bode_*.deb; do
    printf '%s  program %s MB  package %s MB  sha256 %s\n' "${package##*/}" "$(stat -c %s "$program" | awk '{printf "%.1f", $1/1e6}')" \
        "$(stat -c %s "$package" | awk '{printf "%.1f", $1/1e6}')" "$(sha256sum "$package" | cut -d' ' -f1)"
done
