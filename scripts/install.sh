#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# install.sh install|uninstall PREFIX: the module for the running kernel,
# through dkms if that is there, and for programs the headers and the udev
# rule that lets every user open the device.

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
action=$1
prefix=$2
version=$(sed -n 's/^PACKAGE_VERSION="\?\([^"]*\)"\?$/\1/p' dkms.conf)
source=/usr/src/kevent-$version
target=/lib/modules/$(uname -r)/updates/kevent.ko

has_dkms() { command -v dkms >/dev/null; }

install_dkms() {
	rm -rf "$source"
	mkdir -p "$source"
	cp -r dkms.conf Makefile scripts module include "$source/"
	dkms add "kevent/$version" 2>/dev/null || true
	dkms install --force "kevent/$version"
}

install_plain() {
	local ko

	ko=$(scripts/build-module.sh "${KDIR:-/lib/modules/$(uname -r)/build}" "${O:-build}")
	install -D -m 644 "$ko" "$target"
	depmod
}

install_all() {
	if has_dkms; then install_dkms; else install_plain; fi
	install -D -m 644 include/uapi/linux/kevent.h "$prefix/include/linux/kevent.h"
	install -D -m 644 include/kevent.h "$prefix/include/kevent.h"
	install -D -m 644 udev/60-kevent.rules /usr/lib/udev/rules.d/60-kevent.rules
	echo kevent >/usr/lib/modules-load.d/kevent.conf
	udevadm control --reload 2>/dev/null || true
	echo "installed; load it with: modprobe kevent"
}

uninstall_all() {
	modprobe -r kevent 2>/dev/null || true
	if has_dkms; then
		dkms remove "kevent/$version" --all 2>/dev/null || true
		rm -rf "$source"
	fi
	rm -f "$target" "$prefix/include/linux/kevent.h" "$prefix/include/kevent.h" \
		/usr/lib/udev/rules.d/60-kevent.rules /usr/lib/modules-load.d/kevent.conf
	depmod
}

case $action in
install) install_all ;;
uninstall) uninstall_all ;;
esac
