#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# need.sh run|check|lint|model: sees to it that the Debian packages are there
# that the make target of that name needs. Root gets them installed, others are
# told the command.

set -euo pipefail

packages=(gcc make libc6-dev libelf1 pahole xz-utils cpio busybox-static)
case ${KERNEL:-} in
*-arm64) packages+=(qemu-system-arm) ;;	# the rest: cross.sh
*)
	packages+=(qemu-system-x86 liburing-dev)
	# Not gcc-multilib, which excludes cross compilers: it is these and a link.
	version=$(apt-cache show gcc | sed -n 's/^Depends: .*gcc-\([0-9]*\) .*/\1/p' | head -1)
	[ "${1:-check}" != check ] || packages+=(libc6-dev-i386 "lib32gcc-$version-dev")
	;;
esac
[ "${1:-check}" != lint ] || packages+=(sparse cppcheck mandoc shellcheck codespell perl xz-utils git)
[[ ${KERNEL:-} != debug* ]] || packages+=(bc bison flex libelf-dev libssl-dev)
[ "${1:-check}" != model ] || packages=(libc6-dev spin tcc)

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
install_missing() { apt-get -qq install -y --no-install-recommends --no-remove "${missing[@]}" >/dev/null; }
# Lists may be absent or out of date.
install_missing 2>/dev/null || { apt-get -qq update && install_missing; }
