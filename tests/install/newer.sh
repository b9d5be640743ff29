#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# newer.sh DEB VERSION OUT: the package kevent-dkms as it will be in that version, with the
# module that does nothing, as it is soon built.

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
deb=$1 version=$2 out=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
dpkg-deb -R "$deb" "$dir"
old=$(dpkg-deb -f "$deb" Version)
rm -f "$dir/DEBIAN/md5sums"
mv "$dir/usr/src/kevent-$old" "$dir/usr/src/kevent-$version"
rm -r "$dir/usr/src/kevent-$version/module"
cp -r "$here/module" "$dir/usr/src/kevent-$version"
sed -i "s/\"1.0\"/\"$version\"/" "$dir/usr/src/kevent-$version/module/main.c"
sed -i "s/${old//./\\.}/$version/g" "$dir"/DEBIAN/{control,p*} "$dir/usr/src/kevent-$version/dkms.conf"
dpkg-deb -b --root-owner-group "$dir" "$out" >/dev/null
