#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# report.sh [KDIR]: what somebody who helps with a kernel (the running one) has to know
# of it: what it is, how it is configured, whether the module builds, what its probes
# answered, and what dkms said. Also beside the sources that dkms has, in /usr/src.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
kdir=${1:-/lib/modules/$(uname -r)/build}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
# kbuild has its own ideas about O= and the like on a command line.
unset MAKEFLAGS MFLAGS MAKELEVEL
# where dkms is; su leaves the path of the user
PATH=$PATH:/usr/sbin:/sbin

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

# What make and the compiler had to say, and why it ended.
errors() {
	grep -E -m 10 'error: |not found|No such' "$1"
	grep -F '***' "$1" || tail -5 "$1"
}

build() {
	local llvm=''

	cp -r module include "$out"
	! grep -qsx CONFIG_CC_IS_CLANG=y "$kdir/include/config/auto.conf" || llvm=1
	if make -s -j"$(nproc)" -C "$kdir" M="$out/module" ${llvm:+LLVM=1} modules >"$out/log" 2>&1; then
		echo "it builds"
	else
		errors "$out/log"
	fi
	grep -ohE 'KEV_HAVE_[A-Z0-9_]+' "$out/log" "$out/module/.main.o.cmd" 2>/dev/null | sort -u
}

# Of its last build, if that failed.
dkms_says() {
	local log

	dkms status kevent
	for log in /var/lib/dkms/kevent/*/build/make.log; do
		[ ! -e "$log" ] || errors "$log"
	done
}

show kevent sed -n 's/^PACKAGE_VERSION=//p' dkms.conf
show system sh -c "uname -a; . /etc/os-release && echo \$PRETTY_NAME"
show compiler sh -c 'gcc --version | head -1; clang --version | head -1'
show configuration config
show build build
show dkms dkms_says
show loaded sh -c 'cat /sys/module/kevent/version; cat /sys/kernel/security/lockdown'
show log sh -c 'dmesg | grep -i kevent | tail -20'
