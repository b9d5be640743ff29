#!/bin/bash
# SPDX-License-Identifier: GPL-2.0

usage() {
	cat <<'END'
usage: tests/kernels/secureboot.sh [KERNEL...]

The packages in a real Debian system (root.sh) on a machine with Secure Boot: firmware with
Microsoft's keys (ovmf), shim, grub and kernel as Debian signs them, in QEMU. It is booted
as it is after the installation; then mokutil enrols dkms's key, with MokManager's menu
answered on the serial line; then with the key; then with lockdown=confidentiality, too.
Each time: which modules are taken, and what is said; whether a program that can do without
kevent has epoll instead; and, where kevent is there, whether the tests that TESTS selects
pass (close/*, some sources). KERNEL is 6.12. What was seen is in
build/secureboot/KERNEL.log. As root. The last line is "N passed, N failed".
END
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
# shellcheck source=tests/kernels/root.sh
. tests/kernels/root.sh

[[ ${1:-} != -* ]] || { usage; exit 2; }
[ $# -gt 0 ] || set -- 6.12
[ "$(id -u)" = 0 ] || die "not root"
out=$(realpath -m "${O:-build}")
# what root.sh has to know
arch=amd64 built=$out
choose_ports
logs=$out/secureboot
mkdir -p "$logs"
work=$(mktemp -d "${TMPDIR:-/tmp}/kevent-secureboot.XXXXXX")
qemu=
# shellcheck disable=SC2317 # called by the trap
cleanup() {
	[ -z "$qemu" ] || kill "$qemu" 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
passed=0 failed=0

# ---- The machine ---------------------------------------------------------------

# As the manual of kevent_unavailable(3) has it; the example that falls back to epoll; and a
# module without its signature.
add_probes() {
	scripts/man-example.sh man/kevent_unavailable.3 >"$root/vm/unavailable.c"
	inside cc -o /vm/unavailable /vm/unavailable.c -lkevent
	inside cc -o /vm/fallback /usr/share/doc/libkevent-dev/examples/fallback.c
	copy_module /vm/unsigned.ko
	inside strip -g /vm/unsigned.ko
}

# Where firmware looks, on a disk of its own.
make_esp() {
	local shim=$root/usr/lib/shim grub=$root/usr/lib/grub/x86_64-efi-signed

	truncate -s 64M "$work/esp"
	mkfs.vfat "$work/esp" >/dev/null
	mmd -i "$work/esp" ::EFI ::EFI/BOOT ::EFI/debian
	mcopy -i "$work/esp" "$shim/shimx64.efi.signed" ::EFI/BOOT/BOOTX64.EFI
	mcopy -i "$work/esp" "$shim/mmx64.efi.signed" ::EFI/BOOT/mmx64.efi
	mcopy -i "$work/esp" "$grub/grubx64.efi.signed" ::EFI/BOOT/grubx64.efi
}

make_machine() {
	unpack
	run_kernel
	install_packages gcc libc6-dev openssl mokutil shim-signed grub-efi-amd64-signed
	add_checks "$here/secureboot-guest.sh"
	add_probes
	make_esp
	make_disk
}

# start VARS [WORDS...]: with the firmware's variables of that file.
start() {
	local vars=$1
	shift

	cat >"$work/grub.cfg" <<END
search --no-floppy --file --set=root /boot/vmlinuz-$release
linux /boot/vmlinuz-$release $words $*
initrd /boot/initrd.img-$release
boot
END
	mcopy -o -i "$work/esp" "$work/grub.cfg" ::EFI/debian/grub.cfg
	rm -f "$work"/{console,output,serial.in,serial.out}
	mkfifo "$work"/serial.{in,out}
	: >"$work/console"
	seen=0
	cat "$work/serial.out" >"$work/console" &
	# the firmware's variables can be written in SMM only
	timeout 3600 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 1 -m 2048 \
		-machine q35,smm=on -global driver=cfi.pflash01,property=secure,value=on \
		-drive "if=pflash,format=raw,unit=0,readonly=on,file=$firmware/OVMF_CODE_4M.ms.fd" \
		-drive "if=pflash,format=raw,unit=1,file=$vars" \
		-nic none -display none -no-reboot \
		-drive "file=$work/disk,format=raw,if=virtio,cache=unsafe" \
		-drive "file=$work/esp,format=raw,if=virtio" \
		-chardev "pipe,id=console,path=$work/serial" -serial chardev:console \
		-serial "file:$work/output" &
	qemu=$!
	exec 4>"$work/serial.in"
}

finish() {
	wait "$qemu" || log "QEMU ended with status $?"
	qemu=
	exec 4>&-
	{
		echo "== $boot"
		tr -d '\r\0' <"$work/console"
		tr -d '\r' <"$work/output"
	} >>"$logs/$kernel.log"
}

# await TEXT: until it is on the console, behind what was awaited before.
await() {
	local text=$1 limit=$((SECONDS + 600))

	until tail -c +$((seen + 1)) "$work/console" | grep -aqF -- "$text"; do
		if [ $SECONDS -ge $limit ] || ! kill -0 "$qemu" 2>/dev/null; then
			log "not seen on the console: $text"
			return 1
		fi
		sleep 0.3
	done
	seen=$(stat -c %s "$work/console")
}

# The second line of a menu.
choose() { sleep 1; printf '\033[B' >&4; sleep 1; printf '\r' >&4; }

enrol() {
	await 'Press any key to perform MOK management' && printf ' ' >&4 &&
		await 'Enroll MOK' && choose &&
		await 'View key' && choose &&
		await 'Enroll the key' && choose &&
		await 'Password' && sleep 1 && printf 'once1234\r' >&4 &&
		await 'Reboot' && sleep 1 && printf '\r' >&4
}

# ---- What is looked at ---------------------------------------------------------

said() { tr -d '\r' <"$work/output" | sed -n "s/^kevent-check: $1: //p"; }

expect() {
	local what=$1 must=$2 is

	is=$(said "$what")
	# shellcheck disable=SC2053 # it is a pattern
	if [[ $is == $must ]]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED $kernel, $boot: $what: is \"$is\", not \"$must\""
	fi
}

expect_refused() {
	expect 'at boot' no
	expect units '@(in|)active inactive '
	expect modprobe '*'"$1"
	expect loaded no
	expect postinst '*its key must be enrolled first*'
	expect fallback '*on epoll hello*'
	expect why '*This system takes signed modules only*'
}

expect_works() {
	expect 'at boot' yes
	expect why ''
	expect fallback 'on kevent hello*'
	if tr -d '\r' <"$work/output" | sed '/^kevent-check: /d; /^#> vm/q' | awk -f tests/report.awk >"$work/tests"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED $kernel, $boot: the tests:"
		sed -n '/^failed:/,$p' "$work/tests"
	fi
	cat "$work/tests" >>"$logs/$kernel.log"
}

# ---- The boots, each upon the one before ---------------------------------------

boot_without_key() {
	start "$work/vars" kevent.import
	finish
	expect firmware 'SecureBoot enabled'
	expect lockdown '*[[]integrity]*'
	expect_refused 'Key was rejected by service'
	expect 'unsigned loaded' no
	expect 'import pending' 1
}

boot_into_menu() {
	start "$work/vars"
	if enrol; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED $kernel, $boot: the key is not enrolled"
		kill "$qemu"
	fi
	finish
}

boot_with_key() {
	start "$work/vars"
	finish
	expect firmware 'SecureBoot enabled'
	expect_works
	expect 'unsigned loaded' no
}

# As nobody has it who did not ask for it.
boot_with_confidentiality() {
	start "$work/vars" lockdown=confidentiality
	finish
	expect lockdown '*[[]confidentiality]*'
	expect_works
}

firmware=/usr/share/OVMF
words='root=/dev/vda console=ttyS0 panic=-1 systemd.show_status=0 udev.event_timeout=900'
read -ra patterns <<<"${TESTS:-close/* source/posix_timer source/signal source/proc source/inode}"
mapfile -t tests < <(tests/run.sh --plain --list "${patterns[@]}")
make -s --no-print-directory -j"$(nproc)" O="$out" "${tests[@]/#/$out/tests/}"
mapfile -t packages < <(scripts/deb.sh "$out")
[ ${#packages[@]} -gt 0 ] || die "no packages"
for kernel; do
	root=$work/root
	rm -rf "$root" "$work"/{disk,esp}
	: >"$logs/$kernel.log"
	cp "$firmware/OVMF_VARS_4M.ms.fd" "$work/vars"
	make_machine >>"$logs/$kernel.log" 2>&1
	for boot in without_key into_menu with_key with_confidentiality; do
		"boot_$boot"
	done
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
