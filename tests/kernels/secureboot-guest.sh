#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run by systemd at each boot of the machine of tests/kernels/secureboot.sh: says what it
# sees there, a line each. Whether that is right depends on the boot, and is not known here.

say() { echo "kevent-check: $1: ${*:2}"; }
loaded() { [ ! -d /sys/module/kevent ] && echo no || echo yes; }

# What it answers, and what the kernel's log has of it.
attempt() {
	local name=$1 answer
	shift

	dmesg -C
	answer=$("$@" 2>&1)
	say "$name" "$answer"
	say "$name log" "$(dmesg -t | grep -E 'Lockdown|kevent|[Mm]odule' | tr '\n' ' ')"
}

say firmware "$(mokutil --sb-state 2>&1 | head -1)"
say lockdown "$(cat /sys/kernel/security/lockdown)"
say "at boot" "$(loaded)"
say units "$(systemctl is-failed systemd-modules-load.service modprobe@kevent.service | tr '\n' ' ')"
attempt modprobe modprobe kevent
say loaded "$(loaded)"
say why "$(/vm/unavailable 2>&1)"
# What the package says at the end of its installation, without dkms's part.
say postinst "$(sed '/^# Automatically/,/^# End/d' /var/lib/dpkg/info/kevent-dkms.postinst |
	sh -s configure 2>&1 | grep ^kevent:)"
say fallback "$(echo hello | /vm/fallback 2>&1 | tr '\n' ' ')"

if [ -d /sys/module/kevent ]; then
	mapfile -t names </vm/names
	echo "#> boot ${#names[@]}"
	/vm/guest-runner.sh /vm/tests "${names[@]}"
	echo "#> vm 0"
	rmmod kevent
fi
attempt unsigned insmod /vm/unsigned.ko
say "unsigned loaded" "$(loaded)"

# What install.md tells the user to do; the password is typed twice.
if grep -q kevent.import /proc/cmdline; then
	say import "$(printf 'once1234\nonce1234\n' | mokutil --import /var/lib/dkms/mok.pub 2>&1)"
	say "import pending" "$(mokutil --list-new | grep -c '^.key ')"
fi
