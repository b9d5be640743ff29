#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# rpm.sh OUT: builds the RPM packages from a copy of the tree, in OUT/rpm, and prints their
# names. Where dpkg has the packages that they are built with, rpmbuild does not ask for them.

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
# shellcheck source=scripts/files.sh
. scripts/files.sh
out=$(realpath -m -- "${1:-build}")/rpm
# What make was told is not for the package.
unset O KERNEL MAKEFLAGS MFLAGS MAKELEVEL
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' dkms.conf)

rm -rf "$out"
mkdir -p "$out"/SOURCES "$out/kevent-$version"
tree_files | cpio -pdm --quiet "$out/kevent-$version"
tar -C "$out" -czf "$out/SOURCES/kevent-$version.tar.gz" "kevent-$version"
rm -rf "$out/kevent-$version"
options=()
! command -v dpkg-query >/dev/null || options+=(--nodeps)
rpmbuild -bb "${options[@]}" --define "_topdir $out" packaging/kevent.spec >"$out/build.log" 2>&1 || {
	tail -40 "$out/build.log" >&2
	exit 1
}
find "$out/RPMS" -name '*.rpm' | sort
