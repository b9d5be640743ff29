#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# inside.sh ROOT PATH... -- COMMAND [ARG...]: runs the command with the programs
# in ROOT instead of this machine's. Each PATH is there what it is here, as are
# /proc and /dev. Without being root that takes user namespaces.

set -euo pipefail

root=$(realpath "$1")
shift
paths=(/proc /dev)
while [ "$1" != -- ]; do
	paths+=("$(realpath "$1")")
	shift
done
shift

namespaces=(--mount)
[ "$(id -u)" = 0 ] || namespaces+=(--user --map-root-user)
for path in "${paths[@]}"; do
	mkdir -p "$root$path"
done
# shellcheck disable=SC2016 # the inner shell expands it
exec unshare "${namespaces[@]}" bash -c '
	set -e
	root=$1 n=$2 dir=$PWD
	shift 2
	while [ "$n" -gt 0 ]; do
		mount --rbind "$1" "$root$1"
		n=$((n - 1))
		shift
	done
	[ -d "$root$dir" ] || dir=/
	exec chroot "$root" /usr/bin/env -C "$dir" PATH=/usr/sbin:/usr/bin "$@"
' bash "$root" "${#paths[@]}" "${paths[@]}" "$@"
