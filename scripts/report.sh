#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# report.sh KDIR: what somebody who helps with a kernel has to know of it: what it is,
# how it is configured, whether the module builds, and what its probes answered.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
kdir=$1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

show() {
	echo "== $1"
	shift
	"$@" 2>&1 || true
}

config() {
	local file

	for file in "$kdir/.config" "/boot/config-$(uname -r)"; do
		[ -e "$file" ] || continue
		grep -E '^CONFIG_(CC_VERSION_TEXT|KPROBES|FSNOTIFY|LIVEPATCH|PREEMPT_RT|X86_KERNEL_IBT|CFI|LTO)' "$file"
		grep -E '^CONFIG_(CFI_CLANG|LTO_CLANG|FTRACE|FUNCTION_TRACER|KALLSYMS|MODULE_SIG_FORCE)=' "$file"
		grep -E '^CONFIG_(DYNAMIC_FTRACE|SECURITY_LOCKDOWN)[A-Z_]*=' "$file"
		return
	done
	echo "no configuration in $kdir or /boot"
}

build() {
	if scripts/build-module.sh "$kdir" "$out" >"$out/log" 2>&1; then
		echo "it builds"
	else
		grep -E -m 5 'error|\*\*\*' "$out/log" || tail -5 "$out/log"
	fi
	find "$out" -name .main.o.cmd -exec grep -ohE 'KEV_HAVE_[A-Z0-9_]+' {} + | sort -u
}

show kevent sed -n 's/^PACKAGE_VERSION=//p' dkms.conf
show system sh -c "uname -a; . /etc/os-release && echo \$PRETTY_NAME"
show compiler sh -c 'gcc --version | head -1; clang --version | head -1'
show configuration config
show build build
show dkms dkms status
show loaded sh -c 'cat /sys/module/kevent/version; cat /sys/kernel/security/lockdown'
show log sh -c 'dmesg | grep -i kevent | tail -20'
