#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kernel.sh [KERNEL]: makes a kernel and its headers available and prints
# where they are, for eval: VMLINUZ, KDIR, KREL, MODDIR. KERNEL is a Debian
# series (6.12, the default; 6.1), with -rt for the real-time flavour, -arm64 for
# that architecture, or debug, debug-rt, debug-kcsan (debug-kernel.sh).
#
# The newest packages that apt knows of are unpacked into the cache, never
# installed. Without a mirror the newest that is in the cache serves.

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/vm/common.sh
. "$here/common.sh"
# shellcheck source=tests/vm/cross.sh
. "$here/cross.sh"

kernel=${1:-6.12}
[[ $kernel != debug* ]] || exec "$here/debug-kernel.sh" "$kernel"

arch=$(kernel_arch "$kernel")
series=${kernel%-arm64}
flavour=$arch
[[ $series != *-rt ]] || flavour=rt-$arch
series=${series%-rt}
store=$cache/linux/$kernel

# A release's own series has no number in its metapackage's name.
find_metapackage() {
	local name version

	for name in "linux-image-$series-$flavour" "linux-image-$flavour"; do
		version=$(package_candidate "$name")
		case $version in
		"$series".*)
			echo "$name $version"
			return
			;;
		esac
	done
}

newest_cached() {
	mkdir -p "$store"
	find "$store" -mindepth 2 -maxdepth 2 -name .complete -printf '%h\n' |
		sort -V | tail -1
}

# What modules are built with: the image is not needed for that, but from
# 6.12 on the headers depend on it.
list_packages() {
	local image=$1 headers=${1/linux-image/linux-headers}
	local abi=${1#linux-image-}

	abi=${abi%-"$flavour"}
	echo "$image" "$headers"
	package_depends "$image" | grep -F -- "-$abi" || true
	package_depends "$headers" | grep '^linux-headers-'
}

# The headers' own programs run here, whatever the kernel is for.
list_programs() {
	package_depends "${1/linux-image/linux-headers}" | grep '^linux-kbuild-'
}

# The headers name their common part by an absolute path.
relocate_headers() {
	sed -i "s|^include /usr/src/|include $2/usr/src/|" "$1"/usr/src/linux-headers-*/Makefile
}

unpack() {
	local dir=$1 image=$2 new=$1.new deb
	local -a packages

	mapfile -t packages < <(list_packages "$image" | tr ' ' '\n' | sort -u)
	log "fetching ${packages[*]}"
	rm -rf "$new"
	mkdir -p "$new/deb"
	packages_fetch "$new/deb" "${packages[@]}" || return 1
	mapfile -t packages < <(list_programs "$image")
	(apt_options=() && packages_fetch "$new/deb" "${packages[@]}") || return 1
	for deb in "$new"/deb/*.deb; do
		dpkg-deb -x "$deb" "$new" || return 1
	done
	rm -rf "$new/deb" "$dir"
	relocate_headers "$new" "$dir"
	touch "$new/.complete"
	mv "$new" "$dir"
}

# Newer packages keep everything below /usr, older ones in / and /boot.
print_assignments() {
	local dir=$1 release lib=$1/lib vmlinuz

	release=$(cd "$dir/usr/src" && echo linux-headers-*-"$flavour")
	release=${release#linux-headers-}
	[ -d "$lib/modules/$release/kernel" ] || lib=$dir/usr/lib
	vmlinuz=$dir/boot/vmlinuz-$release
	[ -e "$vmlinuz" ] || vmlinuz=$lib/modules/$release/vmlinuz
	printf 'VMLINUZ=%s\nKDIR=%s\nKREL=%s\nMODDIR=%s\n' "$vmlinuz" \
		"$dir/usr/src/linux-headers-$release" "$release" \
		"$lib/modules/$release"
}

cache_lock "linux-$kernel"
[ "$arch" != arm64 ] || apt_use_arm64
read -r meta version < <(find_metapackage || true) || true
dir=$store/${version:-none}
if [ -n "${version:-}" ] && [ ! -e "$dir/.complete" ]; then
	image=$(package_depends "$meta" | grep '^linux-image-')
	unpack "$dir" "$image" || log "could not fetch $meta $version"
fi
if [ ! -e "$dir/.complete" ]; then
	dir=$(newest_cached)
	[ -n "$dir" ] || die "no kernel $kernel: apt knows none that can be fetched (apt-get update?)"
	log "using ${dir##*/} from the cache"
fi
print_assignments "$dir"
