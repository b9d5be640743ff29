#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# need.sh run|bench|check|try|lint|model|source|deb|rpm|install|secureboot: sees to it
# that the Debian packages are there which the make target of that name needs; with
# source, those which unpack Debian's sources. Root gets them installed, others are
# told the command.

set -euo pipefail

# Of the compiler that is here, or else that apt would install.
gcc_version() {
	gcc -dumpversion 2>/dev/null ||
		apt-cache show gcc 2>/dev/null |
		sed -n '/^Depends: /{s/.*gcc-\([0-9]*\) .*/\1/p;q}'
}

# For gcc -m32. Not gcc-multilib, which excludes cross compilers: it is these and a link.
add_multilib() {
	local version

	version=$(gcc_version) || true
	if [ -z "$version" ] && [ "$(id -u)" = 0 ]; then
		apt-get -qq update
		version=$(gcc_version) || true
	fi
	packages+=(libc6-dev-i386 "lib32gcc-${version:-12}-dev")
}

packages=(gcc make libc6-dev libelf1 pahole xz-utils cpio busybox-static)
case ${KERNEL:-} in
*-arm64) packages+=(qemu-system-arm) ;;	# the rest: cross.sh
*)
	packages+=(qemu-system-x86 liburing-dev)
	[ "${1:-check}" != check ] || { add_multilib; packages+=(musl-tools); }
	;;
esac
[ "${1:-check}" != check ] || packages+=(g++ pkgconf python3)
[ "${1:-check}" != bench ] || packages+=(gnuplot-nox)
[ "${1:-check}" != lint ] || packages+=(sparse cppcheck mandoc shellcheck codespell perl xz-utils git)
[[ ${KERNEL:-} != debug* ]] || packages+=(bc bison flex libelf-dev libssl-dev)
[ "${1:-check}" != model ] || packages=(libc6-dev spin tcc)
[ "${1:-check}" != source ] || packages=(dpkg-dev patch xz-utils)
[ "${1:-check}" != deb ] || packages=(dpkg-dev debhelper dh-dkms lintian fakeroot cpio gcc make
	libc6-dev liburing-dev)
[ "${1:-check}" != rpm ] || packages=(rpm cpio gcc make libc6-dev liburing-dev)
[ "${1:-check}" != install ] || packages=(mmdebstrap cpio e2fsprogs)
# qemu-user runs what is in a root of another architecture
[ "${1:-check}" != install ] || [[ ${KERNELS:-} != *-arm64* ]] ||
	packages+=(qemu-system-arm qemu-user-static binfmt-support arch-test)
[ "${1:-check}" != secureboot ] || packages=(ovmf mtools dosfstools)

# Elsewhere, what is missing for it is told by rpmbuild itself.
[ "${1:-}" != rpm ] || command -v dpkg-query >/dev/null || exit 0

missing=()
for package in "${packages[@]}"; do
	status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) || true
	[ "$status" = 'install ok installed' ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "missing packages; run: sudo apt-get install --no-install-recommends --no-remove ${missing[*]}" >&2
	exit 1
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
install_missing() {
	apt-get -qq install -y --no-install-recommends --no-remove "${missing[@]}" >/dev/null
}
# Nothing that is there is removed for it: gcc-multilib and cross compilers exclude each
# other. Lists may be absent or out of date.
install_missing 2>/dev/null || { apt-get -qq update && install_missing; }
