#!/bin/bash
# SPDX-License-Identifier: GPL-2.0

usage() {
	cat <<'END'
usage: install.sh install|headers|lib|uninstall

install: the module, through dkms, or by modules_install if there is no dkms; the
headers and the manual; and the rules of udev and systemd for the device. Nothing is
changed unless the module builds. Other kernels that have the module get the new
one, or keep their own if the new one does not build for them.
headers: what programs are compiled with, and its manual, kevent(7) and section 3;
needs no headers of a kernel.
lib: libkevent, shared and static, and its pkg-config file.
uninstall: removes all of these.

environment:
  PREFIX   where headers, libraries and manual pages go (/usr/local)
  LIBDIR   where libraries go (PREFIX/lib)
  O        where the library was built (build)
  KDIR     headers of the kernel (those of the running one)
  DESTDIR  a tree to fill instead of /, for packages: nothing is started, no
           module loaded; with dkms the sources are put where dkms wants them
  DKMS=no  modules_install, even if there is dkms; DKMS=yes the other way round
END
}

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
shopt -s nullglob
# kbuild has its own ideas about O= and the like on a command line.
unset MAKEFLAGS MFLAGS MAKELEVEL
# where dkms and depmod are; su leaves the path of the user
PATH=$PATH:/usr/sbin:/sbin

dest=${DESTDIR:-}
prefix=${PREFIX:-/usr/local}
libdir=${LIBDIR:-$prefix/lib}
kdir=${KDIR:-/lib/modules/$(uname -r)/build}
# What the machine's owner has set for dkms goes before.
conf() { sed -n "s/^$1=\"\(.*\)\"$/\1/p" dkms.conf /etc/dkms/kevent[.]conf | tail -1; }
version=$(conf PACKAGE_VERSION)
kernels=$(conf KEVENT_KERNELS)
pattern=$(conf BUILD_EXCLUSIVE_KERNEL)
source=/usr/src/kevent-$version
tree=/var/lib/dkms/kevent
# of earlier versions
old_file=/usr/lib/modules-load.d/kevent.conf
try=
[[ -z $dest || $dest == /* ]] || dest=$PWD/$dest

say() { echo "kevent: $*"; }

refuse() {
	say "$*; nothing was changed" >&2
	exit 1
}

[[ $prefix == /* ]] || refuse "PREFIX=$prefix is not an absolute path"

# shellcheck disable=SC2317 # called by the trap
cleanup() { [ -z "$try" ] || rm -rf "$try"; }
trap cleanup EXIT

has_dkms() {
	case ${DKMS:-} in
	no) return 1 ;;
	yes) return 0 ;;
	*) command -v dkms >/dev/null ;;
	esac
}

# By the directory's name, where it has one. 6.1 only: Debian's headers hold the
# upstream release.
kernel_release() {
	local dir

	case $kdir in
	/lib/modules/*/build)
		dir=${kdir#/lib/modules/}
		echo "${dir%/build}"
		;;
	*/linux-headers-*) echo "${kdir##*/linux-headers-}" ;;
	*) cat "$kdir/include/config/kernel.release" 2>/dev/null || echo unknown ;;
	esac
}

# What is installed, without the module and the library. Each line: source, target,
# mode.
headers() {
	local page

	cat <<END
include/uapi/linux/kevent.h $prefix/include/linux/kevent.h 644
include/kevent.h $prefix/include/kevent.h 644
man/kevent.7 $prefix/share/man/man7/kevent.7 644
END
	for page in man/*kevent*.3; do
		echo "$page $prefix/share/man/man3/${page#man/} 644"
	done
}

files() {
	headers
	cat <<END
man/kevent.4 $prefix/share/man/man4/kevent.4 644
udev/60-kevent.rules /usr/lib/udev/rules.d/60-kevent.rules 644
udev/kevent.conf /usr/lib/systemd/system/sysinit.target.d/kevent.conf 644
udev/kernel-hook /etc/kernel/postinst.d/zz-kevent 755
END
}

# A page of section 3 is found by the name of each of its calls: page, call.
other_names() {
	local page name

	for page in man/*kevent*.3; do
		page=${page#man/}
		sed -n '/^\.SH NAME/,/^\.SH SYN/{/^\.SH/d;p;}' "man/$page" |
			tr '\n' ' ' | sed 's/ \\-.*/\n/; s/, */\n/g' |
			while read -r name; do
				[ "$name.3" = "$page" ] || echo "$page $name"
			done
	done
}

# ---- Before anything is touched ------------------------------------------------

is_supported() { [[ $1 =~ $pattern ]]; }
has_headers() { [ -e "$1/include/config/kernel.release" ]; }

check_kernel() {
	local remedy="install linux-headers-$release"

	[ "$release" != "$(uname -r)" ] ||
		remedy+=", or, if that is gone, boot the newest kernel first"
	is_supported "$release" ||
		refuse "kernel $release is not supported by version $version, which is for $kernels"
	has_headers "$kdir" ||
		refuse "there are no headers of kernel $release in $kdir: $remedy"
}

check_dkms() {
	local has

	has=$(dkms --version)
	has=${has#dkms-}
	printf '%s\n' 3.0 "$has" | sort -CV ||
		refuse "dkms $has is too old, 3.0 is needed: install that, or without dkms by DKMS=no"
}

# Does it build? Prints where it is.
try_build() { scripts/build-module.sh "$1" "$try"; }

# Whose files are the package's.
check_package() {
	local status

	[ -z "$dest" ] || return 0
	status=$(dpkg-query -W -f '${Status}' kevent-dkms 2>/dev/null) || true
	case $status in
	'' | *not-installed | *config-files)
		rpm -q kevent-dkms >/dev/null 2>&1 || pacman -Q kevent-dkms >/dev/null 2>&1 || return 0
		;;
	esac
	refuse "kevent-dkms is installed as a package: remove that first, or install a newer one"
}

# ---- dkms ----------------------------------------------------------------------

# "VERSION KERNEL", a line for each that is installed.
dkms_installed() {
	dkms status kevent 2>/dev/null |
		sed -n 's|^kevent/\([^ ]*\), \([^ ]*\), [^:]*: installed.*|\1 \2|p'
}

# What else is there is dkms's own.
dkms_versions() {
	local dir

	for dir in "$tree"/*/source; do
		dir=${dir%/source}
		echo "${dir##*/}"
	done
}

dkms_sources() { find module include \( -name '*.[chS]' -o -name 'Kbuild*' \); }

put_sources() {
	local file new=$dest$source.new

	rm -rf "$new"
	install -D -m 644 dkms.conf "$new/dkms.conf"
	install -D scripts/report.sh "$new/scripts/report.sh"
	for file in $(dkms_sources); do
		install -D -m 644 "$file" "$new/$file"
	done
	rm -rf "$dest$source"
	mv "$new" "$dest$source"
}

# One that is there already, from other sources, is built again. One that was put there
# without dkms would be kept by dkms, as the kernel's own.
dkms_put() {
	dkms build --force "kevent/$version" -k "$1" --kernelsourcedir "$2" &&
		rm -f "/lib/modules/$1/updates"/kevent.ko* &&
		dkms install --force "kevent/$version" -k "$1" --kernelsourcedir "$2"
}

# Kernels that had a module before. They keep it if this one does not build.
dkms_put_others() {
	local other dir

	for other in "$@"; do
		dir=/lib/modules/$other/build
		if ! is_supported "$other" || ! has_headers "$dir" ||
			! try_build "$dir" >/dev/null || ! dkms_put "$other" "$dir"; then
			say "kernel $other keeps the version that it has" >&2
		fi
	done
}

# Versions that no kernel uses any more.
dkms_drop_old() {
	local old

	for old in $(dkms_versions); do
		[ "$old" != "$version" ] || continue
		if dkms_installed | grep -q "^$old "; then
			continue
		fi
		dkms remove "kevent/$old" --all || continue
		rm -rf "/usr/src/kevent-$old"
	done
}

install_dkms() {
	local others

	others=$(dkms_installed | cut -d ' ' -f 2 | grep -vxF -- "$release" | sort -u || true)
	put_sources
	[ -e "$tree/$version/source" ] || dkms add "kevent/$version"
	dkms_put "$release" "$kdir" || {
		say "dkms failed for kernel $release, see above; the new sources are in $source" >&2
		exit 1
	}
	# shellcheck disable=SC2086 # names of kernels
	dkms_put_others $others
}

# ---- Without dkms --------------------------------------------------------------

# Or else it is found before the one that is put there now.
drop_dkms() {
	local old

	if command -v dkms >/dev/null; then
		for old in $(dkms_installed | sed -n "s/ ${release//./\\.}$//p"); do
			dkms uninstall "kevent/$old" -k "$release" || true
		done
	fi
	rm -f "/lib/modules/$release"/{updates/dkms,extra}/kevent.ko*
}

# Debian's headers have neither a key to sign with nor the System.map without
# which modules_install leaves depmod to us; it complains of both.
install_plain() {
	local ko=$1

	[ -n "$dest" ] || drop_dkms
	make -s -C "$kdir" M="$(dirname "$ko")" KERNELRELEASE="$release" \
		INSTALL_MOD_PATH="$dest" INSTALL_MOD_DIR=updates \
		modules_install >"${ko%/*}/install.log" 2>&1 || {
		cat "${ko%/*}/install.log" >&2
		exit 1
	}
	[ -n "$dest" ] || depmod "$release"
}

# ---- The rest ------------------------------------------------------------------

# LIST: headers or files.
install_files() {
	local from to mode page name

	while read -r from to mode; do
		install -D -m "$mode" "$from" "$dest$to"
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

# Where there is no such variable, nothing is read: od would take what is typed.
secure_boot() {
	[ "$(od -An -tu1 -j4 -N1 /sys/firmware/efi/efivars/SecureBoot-* </dev/null 2>/dev/null)" -eq 1 ] 2>/dev/null
}

# The module that is loaded may be another one than that which is installed.
say_loaded() {
	local loaded=/sys/module/kevent installed

	installed=$(modinfo -k "$release" -F srcversion kevent || echo unknown)
	if [ ! -d $loaded ]; then
		say "version $version is installed; load it with: modprobe kevent"
	elif [ "$(cat $loaded/srcversion)" = "$installed" ]; then
		say "version $version is installed, and loaded already"
	else
		say "version $version is installed, $(cat $loaded/version) is loaded: it changes at the" \
			"next boot, or when no program has the device open, by: rmmod kevent && modprobe kevent"
	fi
}

# Kernels that are installed and can't have it.
say_unsupported() {
	local dir

	for dir in /lib/modules/*/kernel; do
		dir=${dir%/kernel}
		dir=${dir##*/}
		[ "$dir" = '*' ] || is_supported "$dir" ||
			say "kernel $dir is not supported by version $version, which is for $kernels:" \
				"there is no /dev/kevent when it runs"
	done
}

say_what_now() {
	if secure_boot; then
		say "Secure Boot is on: the module's key must be enrolled first, see docs/install.md"
	fi
	say_unsupported
	if [ "$release" = "$(uname -r)" ]; then
		say_loaded
	else
		say "version $version is installed for kernel $release"
	fi
}

# A package for dkms takes sources, which no kernel has to build.
install_all() {
	local ko

	release=$(kernel_release)
	if [ -n "$dest" ] && has_dkms; then
		put_sources
	else
		check_package
		check_kernel
		! has_dkms || check_dkms
		try=$(mktemp -d)
		ko=$(try_build "$kdir") || refuse "the module does not build for kernel $release"
		if has_dkms; then install_dkms; else install_plain "$ko"; fi
	fi
	install_files files
	rm -f "$dest$old_file"
	if [ -z "$dest" ]; then
		! has_dkms || dkms_drop_old
		say_what_now
	fi
}

# ---- And back ------------------------------------------------------------------

unload() {
	[ ! -d /sys/module/kevent ] || rmmod kevent ||
		say "the module is in use: it stays until the next boot" >&2
}

uninstall_dkms() {
	local old

	for old in $(dkms_versions); do
		dkms remove "kevent/$old" --all ||
			say "dkms did not remove version $old, see above: its files are deleted" >&2
	done
}

# Also what dkms has left, or put there before it was removed itself.
uninstall_modules() {
	local ko release

	for ko in "$dest"/lib/modules/*/{updates,updates/dkms,extra}/kevent.ko*; do
		[ -e "$ko" ] || continue
		rm "$ko"
		release=${ko#"$dest"/lib/modules/}
		[ -n "$dest" ] || depmod "${release%%/*}"
	done
}

uninstall_all() {
	local from to mode

	check_package
	if [ -z "$dest" ]; then
		unload
		! has_dkms || uninstall_dkms
		rm -rf /usr/src/kevent-[0-9]* "$tree"
	fi
	rm -rf "$dest$source"
	uninstall_modules
	while read -r from to mode; do
		rm -f "$dest$to"
	done < <(files)
	rm -f "$dest$old_file"
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
