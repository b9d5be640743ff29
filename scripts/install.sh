#!/bin/bash
# SPDX-License-Identifier: GPL-2.0

usage() {
	cat <<'END'
usage: install.sh install|headers|lib|uninstall

install: the module, through dkms if that is there, by modules_install if not;
the headers; and the rules by which udev and systemd treat the device.
headers: what programs are compiled with, and the manual pages of section 3;
needs no headers of a kernel.
lib: libkevent, shared and static, and its pkg-config file.
uninstall: all of these.

environment:
  PREFIX   where headers, libraries and manual pages go (/usr/local)
  LIBDIR   where libraries go (PREFIX/lib)
  O        where the library was built (build)
  KDIR     headers of the kernel that it is for (the running one's)
  DESTDIR  a tree to fill instead of /, for packages: nothing is started, no
           module loaded; with dkms the sources are put where dkms wants them
  DKMS=no  modules_install, even if there is dkms
END
}

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
shopt -s nullglob
# kbuild has its own ideas about O= and the like on a command line.
unset MAKEFLAGS MFLAGS MAKELEVEL

dest=${DESTDIR:-}
prefix=${PREFIX:-/usr/local}
libdir=${LIBDIR:-$prefix/lib}
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

# What is installed, without the module and the library. Each line: source, target.
headers() {
	local page

	cat <<END
include/uapi/linux/kevent.h $prefix/include/linux/kevent.h
include/kevent.h $prefix/include/kevent.h
END
	for page in man/*.3; do
		echo "$page $prefix/share/man/man3/${page#man/}"
	done
}

files() {
	headers
	cat <<END
man/kevent.4 $prefix/share/man/man4/kevent.4
udev/60-kevent.rules /usr/lib/udev/rules.d/60-kevent.rules
udev/kevent.conf /usr/lib/modules-load.d/kevent.conf
END
}

# A page of section 3 is found by the name of each of its calls: page, call.
other_names() {
	local page name

	for page in man/*.3; do
		page=${page#man/}
		sed -n '/^\.SH NAME/,/^\.SH SYN/{/^\.SH/d;p;}' "man/$page" |
			tr '\n' ' ' | sed 's/ \\-.*/\n/; s/, */\n/g' |
			while read -r name; do
				[ "$name.3" = "$page" ] || echo "$page $name"
			done
	done
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

# LIST: headers or files.
install_files() {
	local from to page name

	while read -r from to; do
		install -D -m 644 "$from" "$dest$to"
	done < <("$1")
	while read -r page name; do
		echo ".so man3/$page" >"$dest$prefix/share/man/man3/$name.3"
	done < <(other_names)
	[ -n "$dest" ] || [ "$1" = headers ] || udevadm control --reload 2>/dev/null || true
}

install_lib() {
	local from=${O:-build}/lib

	mkdir -p "$dest$libdir/pkgconfig"
	install -m 644 "$from/libkevent.a" "$from/libkevent.so.$version" "$dest$libdir"
	cp -P "$from/libkevent.so" "$from/libkevent.so.0" "$dest$libdir"
	sed "s|@prefix@|$prefix|; s|@libdir@|${libdir/#$prefix\//\$\{prefix\}/}|; s|@version@|$version|" \
		lib/libkevent.pc.in >"$dest$libdir/pkgconfig/libkevent.pc"
	[ -n "$dest" ] || ldconfig
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
	install_files files
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
	while read -r from to; do
		rm -f "$dest$prefix/share/man/man3/$to.3"
	done < <(other_names)
	rm -f "$dest$libdir"/libkevent.{a,so,so.*} "$dest$libdir/pkgconfig/libkevent.pc"
}

case ${1:-} in
install) install_all ;;
headers) install_files headers ;;
lib) install_lib ;;
uninstall) uninstall_all ;;
*) usage >&2; exit 2 ;;
esac
