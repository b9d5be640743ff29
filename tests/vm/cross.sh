# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# Sourced, after common.sh: building for arm64 on another machine.
#
# Compilers and libraries are unpacked into the cache, never installed: Debian's cross
# compilers and gcc-multilib, which a developer may have, exclude each other. Apt
# has lists of its own there for packages of arm64, so that those of this machine
# stay as they are.

# The architecture of a kernel, by its name.
kernel_arch() {
	case ${1%@*} in
	*-arm64) echo arm64 ;;
	*) echo amd64 ;;
	esac
}

# What Debian's packages for the kernel end with.
kernel_flavour() {
	local arch

	arch=$(kernel_arch "$1")
	case ${1%@*} in
	*-rt | *-rt-*) echo "rt-$arch" ;;
	*-cloud | *-cloud-*) echo "cloud-$arch" ;;
	*) echo "$arch" ;;
	esac
}

# Is the architecture another one than this machine's?
is_foreign() { [ "$(dpkg --print-architecture)" != "$1" ]; }

# Where programs for it are built: in the directory itself, if they are this machine's.
built_in() {
	local out=$1 arch=$2

	! is_foreign "$arch" || out+=/$arch
	echo "$out"
}

# From here on apt_get and the like mean arm64.
apt_use_arm64() {
	local dir=$cache/apt-arm64

	is_foreign arm64 || return 0
	apt_options=(-o APT::Architecture=arm64 -o APT::Architectures=arm64
		-o Dir::State="$dir" -o Dir::State::lists="$dir/lists"
		-o Dir::State::status=/dev/null -o Dir::Cache="$dir/cache")
	mkdir -p "$dir"/{lists/partial,cache/archives/partial}
	[ -z "$(find "$dir/.read" -mtime -1 2>/dev/null)" ] || return 0
	if apt_get -o APT::Update::Error-Mode=any update >&2; then
		touch "$dir/.read"
	else
		log "could not read the lists of packages of arm64"
	fi
}

# A compiler with all that it needs of its kind.
cross_compilers() {
	local names

	names=$(for kind in aarch64-linux-gnu arm-linux-gnueabihf; do
		package_depends "gcc-$kind" | grep "^gcc-.*-$kind\$"
	done)
	# shellcheck disable=SC2086 # a list
	apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts \
		--no-breaks --no-replaces --no-enhances $names \
		libc6-dev-arm64-cross libc6-dev-armhf-cross |
		grep -E '^[a-z].*(-cross$|-aarch64-linux-gnu$|-arm-linux-gnueabihf$)' |
		grep -v -- -cross-base | sort -u
}

# Compilers by their plain names, without the version.
cross_names() {
	local dir=$1 file

	for file in "$dir"/usr/bin/*-gcc-[0-9]*; do
		ln -sf "${file##*/}" "${file%-*}"
	done
}

cross_unpack() {
	local dir=$1 new=$1.new deb
	local -a packages

	mapfile -t packages < <(cross_compilers)
	log "fetching ${packages[*]}"
	rm -rf "$new"
	mkdir -p "$new/deb" "$new/arm64"
	packages_fetch "$new/deb" "${packages[@]}" || return 1
	for deb in "$new"/deb/*.deb; do
		dpkg-deb -x "$deb" "$new" || return 1
	done
	rm -f "$new"/deb/*
	cross_names "$new"
	# scripts of the linker, with the paths of what is installed
	sed -i -E 's,/usr/[a-z0-9-]*/lib/,,g' "$new"/usr/{aarch64-linux-gnu,arm-linux-gnueabihf}/lib/libc.so
	(apt_use_arm64 && packages_fetch "$new/deb" busybox-static liburing-dev) || return 1
	for deb in "$new"/deb/*.deb; do
		dpkg-deb -x "$deb" "$new/arm64" || return 1
	done
	rm -rf "$new/deb" "$dir"
	touch "$new/.complete"
	mv "$new" "$dir"
}

# From here on CC, CC32 and kbuild build for arm64; CROSS_ROOT has its busybox and liburing.
# Nothing changes if the argument is this machine's architecture.
cross_use() {
	local version libraries

	is_foreign "$1" || return 0
	[ "$1" = arm64 ] || die "nothing here builds for $1"
	version=$(package_candidate gcc-aarch64-linux-gnu)
	CROSS_ROOT=$cache/cross-arm64/${version#*:}
	(
		cache_lock cross-arm64
		[ -n "$version" ] && { [ -e "$CROSS_ROOT/.complete" ] || cross_unpack "$CROSS_ROOT"; }
	) || CROSS_ROOT=$(find "$cache/cross-arm64" -mindepth 2 -maxdepth 2 \
		-name .complete -printf '%h\n' 2>/dev/null | sort -V | tail -1)
	[ -n "$CROSS_ROOT" ] || die "no compiler for arm64: apt knows none that can be fetched (apt-get update?)"
	libraries=$CROSS_ROOT/usr/lib/$(gcc -print-multiarch)
	export PATH=$CROSS_ROOT/usr/bin:$PATH
	export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
	export CROSS_COMPILE=aarch64-linux-gnu- CC=aarch64-linux-gnu-gcc
	export CC32=arm-linux-gnueabihf-gcc CROSS_ROOT
}
