#!/bin/bash
# SPDX-License-Identifier: GPL-2.0

usage() {
	cat <<'END2'
usage: tests/kernels/run.sh [KERNEL...]

For each kernel: a root file system of the release of Debian that has it, with systemd and
udev; the packages that "make deb" makes, installed there by apt as a user would; a boot
of it all in QEMU, with that kernel and its initramfs. Looked at: the module is loaded and
/dev/kevent open to all although nobody did anything for it; an ordinary user compiles and
runs examples/echo.c and run.c, the README's, with what the packages brought, and, by
kevent-epoll, a program that uses epoll; and the tests that TESTS selects pass (all, if it
is empty; -: none). The kernel's headers are installed by name, and nothing else that the
packages recommend: whether they recommend the right headers is not seen.

6.12-arm64 and the like, which are not tried unless they are named: qemu-user runs what is
in that root, so the packages and the module are built by arm64's own compiler; the tests
are cross-built. Without kevent-epoll, which is written for x86-64.

One line for each kernel, with seconds; packages and tests are built once for each
architecture. What went wrong is in build/kernels/KERNEL.log. As root, with a mirror of
Debian. KEVENT_TEST_SCALE multiplies the time limits of tests. The last line is "N passed,
N failed".
END2
}

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
cd "$top"
# shellcheck source=tests/vm/common.sh
. tests/vm/common.sh
# shellcheck source=tests/vm/suite.sh
. tests/vm/suite.sh
# shellcheck source=tests/vm/cross.sh
. tests/vm/cross.sh
# shellcheck source=tests/vm/machine.sh
. tests/vm/machine.sh
# shellcheck source=scripts/files.sh
. scripts/files.sh
# shellcheck source=tests/kernels/root.sh
. tests/kernels/root.sh

[[ ${1:-} != -* ]] || { usage; exit 2; }
[ $# -gt 0 ] || set -- 6.1 6.1-rt 6.1-cloud 6.12 6.12-rt 6.12-cloud 7.2 7.3 7.3-rt 7.3-cloud
[ "$(id -u)" = 0 ] || die "not root"
out=$(realpath -m "${O:-build}")
logs=$out/kernels
mkdir -p "$logs"
work=$(mktemp -d "${TMPDIR:-/tmp}/kevent-kernels.XXXXXX")
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT

# ---- What is done there --------------------------------------------------------

boot() {
	local cmdline="root=/dev/vda console=$console panic=-1 oops=panic systemd.show_status=0 udev.event_timeout=900"
	local program cpu
	local -a options=()

	choose_machine
	timeout "${KEVENT_KERNELS_TIMEOUT:-5400}" "$program" -accel tcg,thread=multi "${options[@]}" \
		-cpu "$cpu" -smp 2 -m 2048 -nic none -display none -no-reboot \
		-drive "file=$work/disk,format=raw,if=virtio,cache=unsafe" \
		-chardev "file,id=output,path=$work/output" -chardev null,id=tell \
		-serial "file:$work/console" "${ports[@]}" \
		-kernel "$work/vmlinuz" -initrd "$work/initrd" -append "$cmdline"
}

# ---- One kernel ----------------------------------------------------------------

# step NAME COMMAND...: is it done? The seconds that it took are in the table.
step() {
	local name=$1 began=$SECONDS status
	shift

	[ "$good" = 1 ] || { line+=$(printf ' %9s' -); return 0; }
	echo "== $name" >>"$log"
	# not as a condition: -e must hold inside
	set +e
	(set -e; "$@") >>"$log" 2>&1
	status=$?
	set -e
	if [ $status = 0 ]; then
		passed=$((passed + 1))
		line+=$(printf ' %7ds ' $((SECONDS - began)))
	else
		good=0
		failed=$((failed + 1))
		line+=$(printf ' %9s' FAILED)
		tail -25 "$log" >&2
	fi
}

# The packages and the tests, once for each architecture.
build_all() {
	[ ! -e "$work/built-$arch" ] || return 0
	build_packages "$built"
	if [ ${#tests[@]} -gt 0 ]; then
		cross_use "$arch"
		make -s --no-print-directory -j"$(nproc)" O="$built" "${tests[@]/#/$built/tests/}"
	fi
	touch "$work/built-$arch"
}

install_all() {
	run_kernel
	# some tests make a file system of DOS, or look for busybox, or load the module again
	install_packages gcc libc6-dev dosfstools busybox
	add_checks tests/kernels/guest.sh
	copy_module /vm/kevent.ko
	make_disk
}

boot_it() {
	boot || log "QEMU ended with status $?"
	tr -d '\r\0' <"$work/console" >>"$log"
	tr -d '\r' <"$work/output" >>"$log"
	# what came before the checks is not about us
	if grep -aE "$klog_bad" "$work/output" | grep -v '^#'; then
		return 1
	fi
	# the drop-in is written for x86-64
	for what in loaded mode example readme echo $([ "$arch" != amd64 ] || echo dropin); do
		grep -aqx "kevent-check: $what ok" <(tr -d '\r' <"$work/output") || {
			echo "not seen: $what ok"
			return 1
		}
	done
}

# The programs' own words, without the checks'.
run_tests() {
	[ ${#tests[@]} -gt 0 ] || return 0
	tr -d '\r' <"$work/output" | sed '/^kevent-check: /d' | awk -f tests/report.awk >"$logs/$kernel.tests" || {
		sed -n '/^failed:/,$p' "$logs/$kernel.tests"
		return 1
	}
}

# shellcheck source=tests/vm/klog.sh
. tests/vm/klog.sh
passed=0 failed=0
tests=()
if [ "${TESTS:-}" != - ]; then
	read -ra patterns <<<"${TESTS:-}"
	mapfile -t tests < <(tests/run.sh --plain --list "${patterns[@]}")
fi
printf '%-10s %9s %9s %9s %9s %9s\n' kernel root build install boot tests
for kernel; do
	root=$work/root log=$logs/$kernel.log line='' good=1
	arch=$(kernel_arch "$kernel")
	built=$(built_in "$out" "$arch")
	choose_ports
	: >"$log"
	rm -rf "$root" "$work"/{disk,console,output}
	step unpack unpack
	step build build_all
	packages=("$built"/deb/*.deb)
	step install install_all
	step boot boot_it
	step tests run_tests
	printf '%-10s%s' "$kernel" "$line"
	[ ! -s "$logs/$kernel.tests" ] || printf '  %s' "$(tail -1 "$logs/$kernel.tests")"
	echo
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
