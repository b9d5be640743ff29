#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kernel.sh [--headers] [KERNEL]: makes a kernel and its headers available and
# prints where they are, for eval: VMLINUZ, KDIR, KREL, MODDIR; with --headers
# only what a module is built with, KDIR and KREL. KERNEL is a Debian series (6.12,
# the default; 6.1, 7.3), with -rt or -cloud for these flavours, -arm64 for that
# architecture or @SUITE for a release of Debian that has it, or debug, debug-rt,
# debug-kcsan (debug-kernel.sh).
#
# The newest packages are unpacked into the cache, never installed: those that this
# machine's apt knows of, or those of another release, with its compiler, which
# .toolchain in KDIR then names. Without a mirror the newest in the cache serves. The exit
# status is 3 if the release has another series by now, and the cache has none.

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/vm/common.sh
. "$here/common.sh"
# shellcheck source=tests/vm/cross.sh
. "$here/cross.sh"
# shellcheck source=tests/vm/suite.sh
. "$here/suite.sh"

headers_only=0
[ "${1:-}" != --headers ] || { headers_only=1; shift; }
kernel=${1:-6.12}
[[ $kernel != debug* ]] || exec "$here/debug-kernel.sh" "$kernel"

arch=$(kernel_arch "$kernel") foreign=
! is_foreign "$arch" || foreign=$arch
series=${kernel%@*} suite=
[ "$series" = "$kernel" ] || suite=${kernel#*@}
series=${series%%-*}
flavour=$(kernel_flavour "$kernel")
store=$cache/linux/$kernel
[ $headers_only = 0 ] || store=$cache/headers/$kernel

# A release's own series has no number in its metapackage's name.
find_metapackage() {
	package_candidates "linux-image-$flavour" "linux-image-$series-$flavour" |
		grep -m 1 " ${series}[.~]"
}

# Of this machine's apt, or else of the release's.
choose_metapackage() {
	[ -n "$suite" ] || read -r meta version < <(find_metapackage) || true
	[ -z "${version:-}" ] || return 0
	suite=${suite:-$(suite_of "$series")}
	[ -n "$suite" ] ||
		die "no kernel $kernel: apt knows none (apt-get update?); of another release: $kernel@SUITE"
	suite_use "$suite" "$foreign"
	read -r meta version < <(find_metapackage) || true
}

newest_cached() {
	mkdir -p "$store"
	find "$store" -mindepth 2 -maxdepth 2 -name .complete -printf '%h\n' |
		sort -V | tail -1
}

no_kernel() {
	local other=''

	[ -n "${version:-}" ] || [ -z "$suite" ] || other=$(package_candidate "linux-image-$flavour")
	[ -n "$other" ] || die "no kernel $kernel: apt knows none that can be fetched (apt-get update?)"
	log "no kernel $kernel: $suite has $other"
	exit 3
}

# The headers' own programs run here, whatever the kernel is for.
list_programs() {
	package_depends "${1/linux-image/linux-headers}" | grep '^linux-kbuild-'
}

# What modules are built with: the image is not needed for that, but from
# 6.12 on the headers depend on it.
list_packages() {
	local image=$1 headers=${1/linux-image/linux-headers}
	local abi=${1#linux-image-}

	abi=${abi%-"$flavour"}
	echo "$headers"
	package_depends "$headers" | grep '^linux-headers-'
	[ "$arch" = arm64 ] || list_programs "$image"
	[ $headers_only = 0 ] || return 0
	echo "$image"
	package_depends "$image" | grep -F -- "-$abi" || true
}

# What the headers' own programs need, and the compiler that they are for.
list_toolchain() {
	local headers=${1/linux-image/linux-headers} kbuild

	kbuild=$(package_depends "$headers" | grep '^linux-kbuild-')
	# for this machine that is the compiler's plain package
	{
		package_depends "$headers"
		package_depends "$kbuild"
	} | sed "/^linux-/d; s/-for-host\$/${foreign:+-aarch64-linux-gnu}/"
}

# The headers name themselves and their common part by absolute paths.
relocate_headers() {
	sed -i -E "s,^(include |KBUILD_OUTPUT=)/usr/src/,\\1$2/usr/src/," \
		"$1"/usr/src/linux-headers-*/Makefile
}

add_toolchain() {
	local new=$1 image=$2 root
	local -a packages

	mapfile -t packages < <(list_toolchain "$image" | sort -u)
	root=$(toolchain "$(suite_base "$suite")" "${packages[@]}") || return 1
	for headers in "$new"/usr/src/linux-headers-*-"$flavour"; do
		echo "$root" >"$headers/.toolchain"
	done
}

# With lists of this machine's architecture.
fetch_own_programs() (
	mapfile -t packages < <(list_programs "$2")
	apt_options=()
	[ -z "$suite" ] || suite_use "$suite"
	packages_fetch "$1" "${packages[@]}"
)

unpack() {
	local dir=$1 image=$2 new=$1.new deb
	local -a packages

	mapfile -t packages < <(list_packages "$image" | sort -u)
	log "fetching ${packages[*]}"
	rm -rf "$new"
	mkdir -p "$new/deb"
	packages_fetch "$new/deb" "${packages[@]}" || return 1
	[ "$arch" != arm64 ] || fetch_own_programs "$new/deb" "$image" || return 1
	for deb in "$new"/deb/*.deb; do
		dpkg-deb -x "$deb" "$new" || return 1
	done
	rm -rf "$new/deb" "$dir"
	[ -z "$suite" ] || add_toolchain "$new" "$image" || return 1
	relocate_headers "$new" "$dir"
	touch "$new/.complete"
	mv "$new" "$dir"
}

# Newer packages keep everything below /usr, older ones in / and /boot.
print_assignments() {
	local dir=$1 release lib=$1/lib vmlinuz

	release=$(cd "$dir/usr/src" && echo linux-headers-*-"$flavour")
	release=${release#linux-headers-}
	printf 'KDIR=%s\nKREL=%s\n' "$dir/usr/src/linux-headers-$release" "$release"
	[ $headers_only = 0 ] || return 0
	[ -d "$lib/modules/$release/kernel" ] || lib=$dir/usr/lib
	vmlinuz=$dir/boot/vmlinuz-$release
	[ -e "$vmlinuz" ] || vmlinuz=$lib/modules/$release/vmlinuz
	printf 'VMLINUZ=%s\nMODDIR=%s\n' "$vmlinuz" "$lib/modules/$release"
}

lock=${store#"$cache/"}
cache_lock "${lock////-}"
[ "$arch" != arm64 ] || apt_use_arm64
choose_metapackage
dir=$store/${version:-none}
if [ -n "${version:-}" ] && [ ! -e "$dir/.complete" ]; then
	image=$(package_depends "$meta" | grep '^linux-image-')
	unpack "$dir" "$image" || log "could not fetch $meta $version"
fi
if [ ! -e "$dir/.complete" ]; then
	dir=$(newest_cached)
	[ -n "$dir" ] || no_kernel
	log "using ${dir##*/} from the cache"
fi
print_assignments "$dir"
