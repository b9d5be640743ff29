#!/bin/bash
# SPDX-License-Identifier: GPL-2.0

usage() {
	cat <<'END'
usage: install.sh install|uninstall

Installs the module, through dkms if that is there, by modules_install if
not; for programs the headers; and the rules by which udev and systemd treat
the device.

environment:
  PREFIX   where the headers go (/usr/local)
  KDIR     headers of the kernel that it is for (the running one's)
  DESTDIR  a tree to fill instead of /, for packages: nothing is started, no
           module loaded; with dkms the sources are put where dkms wants them
  DKMS=no  modules_install, even if there is dkms
END
}

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
# kbuild has its own ideas about O= and the like on a command line.
unset MAKEFLAGS MFLAGS MAKELEVEL

dest=${DESTDIR:-}
prefix=${PREFIX:-/usr/local}
kdir=${KDIR:-/lib/modules/$(uname -r)/build}
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' dkms.conf)
source=/usr/src/kevent-$version
[[ $prefix == /* ]] || { echo "PREFIX=$prefix: not an absolute path" >&2; exit 1; }
[[ -z $dest || $dest == /* ]] || dest=$PWD/$dest

has_dkms() { [ "${DKMS:-}" != no ] && command -v dkms >/dev/null; }

# By the directory's name, where it has one: Debian's 6.1 headers hold the
# upstream release.
kernel_release() {
	local dir

	case $kdir in
	/lib/modules/*/build)
		dir=${kdir#/lib/modules/}
		echo "${dir%/build}"
		;;
	*/linux-headers-*) echo "${kdir##*/linux-headers-}" ;;
	*) cat "$kdir/include/config/kernel.release" ;;
	esac
}

# What is installed, without the module. Each line: source, target.
files() {
	cat <<END
include/uapi/linux/kevent.h $prefix/include/linux/kevent.h
include/kevent.h $prefix/include/kevent.h
man/kevent.4 $prefix/share/man/man4/kevent.4
udev/60-kevent.rules /usr/lib/udev/rules.d/60-kevent.rules
udev/kevent.conf /usr/lib/modules-load.d/kevent.conf
END
}

dkms_sources() { find module include \( -name '*.[chS]' -o -name 'Kbuild*' \); }

dkms_remove() {
	[ ! -e "/var/lib/dkms/kevent/$version" ] ||
		dkms remove "kevent/$version" --all
}

install_dkms() {
	local file

	[ -n "$dest" ] || dkms_remove
	rm -rf "$dest$source"
	install -D -m 644 dkms.conf "$dest$source/dkms.conf"
	for file in $(dkms_sources); do
		install -D -m 644 "$file" "$dest$source/$file"
	done
	[ -z "$dest" ] || return 0
	dkms add "kevent/$version"
	dkms install "kevent/$version" -k "$release" --kernelsourcedir "$kdir"
}

# Debian's headers have neither a key to sign with nor the System.map without
# which modules_install leaves depmod to us; it complains of both.
install_plain() {
	local ko

	ko=$(scripts/build-module.sh "$kdir" "${O:-build}")
	make -s -C "$kdir" M="$(dirname "$ko")" KERNELRELEASE="$release" \
		INSTALL_MOD_PATH="$dest" INSTALL_MOD_DIR=updates \
		modules_install >"${ko%/*}/install.log" 2>&1 || {
		cat "${ko%/*}/install.log" >&2
		exit 1
	}
	[ -n "$dest" ] || depmod "$release"
}

install_files() {
	local from to

	while read -r from to; do
		install -D -m 644 "$from" "$dest$to"
	done < <(files)
	[ -n "$dest" ] || udevadm control --reload 2>/dev/null || true
}

secure_boot() {
	[ "$(od -An -tu1 -j4 -N1 /sys/firmware/efi/efivars/SecureBoot-* 2>/dev/null)" -eq 1 ] 2>/dev/null
}

say_what_now() {
	if secure_boot; then
		echo "Secure Boot is on: the module's key must be enrolled first, see README.md"
	fi
	if [ "$release" = "$(uname -r)" ]; then
		echo "installed; load it with: modprobe kevent"
	else
		echo "installed for $release"
	fi
}

install_all() {
	release=$(kernel_release)
	if has_dkms; then install_dkms; else install_plain; fi
	install_files
	[ -n "$dest" ] || say_what_now
}

unload() {
	[ ! -d /sys/module/kevent ] || rmmod kevent ||
		echo "the module is in use: it stays until the next boot" >&2
}

uninstall_plain() {
	local ko release

	for ko in "$dest"/lib/modules/*/updates/kevent.ko*; do
		[ -e "$ko" ] || continue
		rm "$ko"
		release=${ko#"$dest"/lib/modules/}
		[ -n "$dest" ] || depmod "${release%%/*}"
	done
}

uninstall_all() {
	local from to

	if [ -z "$dest" ]; then
		unload
		! has_dkms || dkms_remove
	fi
	rm -rf "$dest$source"
	uninstall_plain
	while read -r from to; do
		rm -f "$dest$to"
	done < <(files)
}

case ${1:-} in
install) install_all ;;
uninstall) uninstall_all ;;
*) usage >&2; exit 2 ;;
esac
