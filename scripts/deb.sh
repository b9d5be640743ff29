#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# deb.sh [--build | --look] OUT: builds the Debian packages from a copy of the tree in
# OUT/deb, has lintian look at them, and prints their names. Or does only one of the two:
# packages of another architecture are built in a root of their own.

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
# shellcheck source=scripts/files.sh
. scripts/files.sh
steps=(build look)
[[ ${1:-} != --* ]] || { steps=("${1#--}"); shift; }
out=$(realpath -m -- "${1:-build}")/deb
# What make was told is not for the package.
unset O KERNEL MAKEFLAGS MFLAGS MAKELEVEL
version=$(sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)

build() {
	rm -rf "$out"
	mkdir -p "$out/kevent-$version"
	tree_files | cpio -pdm --quiet "$out/kevent-$version"
	cd "$out/kevent-$version"
	DEB_BUILD_OPTIONS="noautodbgsym ${DEB_BUILD_OPTIONS:-}" dpkg-buildpackage -us -uc -b >"$out/build.log" 2>&1 || {
		tail -40 "$out/build.log" >&2
		exit 1
	}
	rm -rf "$out/kevent-$version"
}

look() {
	cd "$out"
	lintian --allow-root --tag-display-limit 0 --fail-on error,warning ./*.changes
}

for step in "${steps[@]}"; do
	"$step"
done
ls "$out"/*.deb
