#!/bin/bash
# SPDX-License-Identifier: GPL-2.0

usage() {
	cat <<'END'
usage: run.sh [options] -- COMMAND [ARG...]

Boots a kernel in QEMU, loads kevent.ko, runs COMMAND as root in the current
directory's path, relays its output and exits with its status.

  --kernel K      6.12 (default), 6.1, 7.3-rt, 6.12@trixie, 6.12-arm64, debug,
                  debug-rt, debug-kcsan: see kernel.sh
  --icount        count instructions: one virtual CPU, its cycles are instructions
  --smp N         virtual CPUs (2; 1 with --icount)
  --mem MB        memory (1024; 2048 with --icount, 3072 for debug*)
  --timeout S     time for the command, in seconds of the guest (300)
  --add PATH      file or directory that shall be at the same path inside,
                  with the shared libraries it needs; may be repeated
  --python        have /usr/bin/python3 and its library inside, too
  --param NAME=V  parameter of the module (or kevent.NAME=V); may be repeated
  --append WORDS  more words for the kernel's command line
  --kmemleak      look for leaks at the end (--kernel debug, debug-rt)
  --no-module     do not load kevent.ko
  --no-ftrace     do not load kevent.ko, which is built as for a kernel whose
                  ftrace can't redirect
  --log FILE      keep the kernel's log there
  --gdb SOCKET    QEMU's gdb stub listens there
  --ram FILE      the machine's memory; the file is kept, so that it can be searched

KEVENT_* variables of the environment are passed on. KEVENT_CACHE says where
kernels are kept, O where things are built (build).

exit status: the command's, but
  124  it took too long or the machine hung; backtraces are in the output
  125  no kernel, no module, no boot, or the module did not load
  126  the kernel's log shows a bug, or the module could not be unloaded,
       whatever the command said
END
}

set -Eeuo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=tests/vm/common.sh
. "$here/common.sh"
# shellcheck source=tests/vm/cross.sh
. "$here/cross.sh"
# shellcheck source=tests/vm/machine.sh
. "$here/machine.sh"
# shellcheck source=tests/vm/klog.sh
. "$here/klog.sh"
trap 'die "failed in line $LINENO"' ERR

kernel=6.12 icount=0 load=1 smp='' mem='' timeout=300 module=1 append='' keep='' ram='' gdb=''
kmemleak=0 python=0
declare -a add=() params=()

while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=$2; shift ;;
	--icount) icount=1 ;;
	--smp) smp=$2; shift ;;
	--mem) mem=$2; shift ;;
	--timeout) timeout=$2; shift ;;
	--add=*) add+=("$(realpath -s -- "${1#*=}")") ;;
	--add) add+=("$(realpath -s -- "$2")"); shift ;;
	--python) python=1 ;;
	--param) params+=("${2#kevent.}"); shift ;;
	--append) append+=" $2"; shift ;;
	--kmemleak) kmemleak=1 ;;
	--no-module) module=0 ;;
	--no-ftrace) export KEVENT_NO_FTRACE=1; load=0 ;;
	--log) keep=$2; shift ;;
	--gdb) gdb=$2; shift ;;
	--ram) ram=$2; shift ;;
	-h | --help) usage; exit ;;
	--) shift; break ;;
	*) usage >&2; exit 125 ;;
	esac
	shift
done
[ $# -gt 0 ] || { usage >&2; exit 125; }
declare -a command=("$@")

work=$(mktemp -d "${TMPDIR:-/tmp}/kevent-vm.XXXXXX")
root=$work/root
qemu=

# shellcheck disable=SC2317 # called by the trap
cleanup() {
	[ -z "$qemu" ] || kill -9 "$qemu" 2>/dev/null || true
	[ -z "$keep" ] || cp "$work/console" "$keep" 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# --- what goes into the machine ----------------------------------------------

# What ldd would say of a program that can't be run here.
add_cross_libraries() {
	local file=$1 dir lib

	for lib in $("${CROSS_COMPILE}readelf" -dl "$file" |
		sed -nE 's,.*\(NEEDED\).*\[(.*)\],\1,p; s,.*interpreter: .*/(.*)\],\1,p'); do
		for dir in $("${CROSS_COMPILE}readelf" -d "$file" | sed -nE 's,.*R(UN)?PATH.*\[(.*)\],\2,p') \
			"$CROSS_ROOT/usr/aarch64-linux-gnu/lib"; do
			if [ ! -e "$root/lib/$lib" ] && [ -e "$dir/$lib" ]; then
				install -D "$dir/$lib" "$root/lib/$lib"
				add_cross_libraries "$dir/$lib"
			fi
		done
	done
}

add_libraries() {
	local file=$1 lib

	[ "$(head -c 4 "$file" | tr -d '\0')" = $'\x7fELF' ] || return 0
	[ -z "${CROSS_ROOT:-}" ] || { add_cross_libraries "$file"; return; }
	# Nothing, for a static one, and for one of another C library.
	for lib in $(ldd "$file" 2>/dev/null | sed -nE 's,.*\s(/\S+) \(0x.*,\1,p' || true); do
		[ -e "$root$lib" ] || install -D "$lib" "$root$lib"
	done
}

add_path() {
	local path=$1 file

	[ -e "$path" ] || die "--add $path: no such file"
	mkdir -p "$root$(dirname "$path")"
	cp -aLT "$path" "$root$path"
	while IFS= read -r -d '' file; do
		add_libraries "$file"
	done < <(find "$root$path" -type f -perm /111 -print0)
}

# Its extensions are no programs, but have libraries that they need.
add_python() {
	local library file

	[ -x /usr/bin/python3 ] || die "--python: no /usr/bin/python3"
	library=$(/usr/bin/python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
	mkdir -p "$root${library%/*}" "$root/usr/bin"
	add_path /usr/bin/python3
	(cd "${library%/*}" && find "${library##*/}" \( -name test -o -name __pycache__ -o \
		-name dist-packages -o -name 'config-*' \) -prune -o -print0 |
		cpio -0 -pdm --quiet "$root${library%/*}")
	for file in "$library"/lib-dynload/*.so; do
		add_libraries "$file"
	done
}

# Kernel modules that tests ask for by modprobe, with what they depend on.
add_kernel_module() {
	local name=$1 source target

	source=$(find "$MODDIR/kernel" \( -name "$name.ko" -o -name "$name.ko.xz" \) | head -1)
	[ -n "$source" ] || return 0
	target=$root/lib/modules/$KREL/$name.ko
	[ ! -e "$target" ] || return 0
	case $source in
	*.xz) xz -dc "$source" >"$target" ;;
	*) cp "$source" "$target" ;;
	esac
	for name in $(tr '\0' '\n' <"$target" | sed -n 's/^depends=//p' | tr ',' ' '); do
		add_kernel_module "$name"
	done
}

add_base() {
	local applet name

	mkdir -p "$root"/{bin,dev,etc,home/user,proc,root,sys,tmp,usr/bin,usr/sbin,vm} \
		"$root/sbin" "$root/lib/modules/$KREL"
	chmod 1777 "$root/tmp"
	cp "${CROSS_ROOT:+$CROSS_ROOT/arm64}/bin/busybox" "$root/bin/busybox"
	for applet in $(busybox --list); do
		[ "$applet" = busybox ] || ln -s /bin/busybox "$root/bin/$applet"
	done
	ln -s /bin/busybox "$root/sbin/modprobe"
	install -m 755 "$here/init.sh" "$root/init"
	cp "$here/klog.sh" "$root/vm/klog.sh"
	printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n' >"$root/etc/passwd"
	printf 'root:x:0:\ntty:x:5:\nuser:x:1000:\n' >"$root/etc/group"
	printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
	# tls asks for gcm(aes) by name, and that for the others
	for name in tls gcm ghash-generic ctr vsock_loopback fuse loop vfat \
		nls_cp437 nls_ascii; do
		add_kernel_module "$name"
	done
	cp "$MODDIR/modules.builtin" "$root/lib/modules/$KREL/"
	busybox depmod -b "$root" "$KREL" 2>/dev/null || true
}

add_command() {
	local name

	cat >"$root/vm/config" <<END
vm_timeout=$timeout
vm_module=$((module && load))
vm_params='${params[*]}'
vm_settle=$((icount ? 6 : 0))
vm_quiet=$icount
vm_kmemleak=$kmemleak
vm_cwd='$PWD'
vm_output=$output
vm_tell=$tell
END
	mkdir -p "$root$PWD"
	printf '%q ' "${command[@]}" >"$root/vm/command"
	for name in "${!KEVENT_@}"; do
		printf 'export %s=%q\n' "$name" "${!name}"
	done >"$root/vm/environment"
}

make_initramfs() {
	local path

	add_base
	add_command
	if [ $module = 1 ]; then
		cp "$ko" "$root/vm/kevent.ko"
	fi
	[ $python = 0 ] || add_python
	for path in "${add[@]}"; do
		add_path "$path"
	done
	(cd "$root" && find . -print0 | cpio -0 -o -H newc -R +0:+0 --quiet) >"$work/initrd"
	rm -rf "$root"
}

# --- the machine ---------------------------------------------------------------

start_qemu() {
	local cmdline="console=$console panic=-1 oops=panic panic_print=0xc8" program cpu
	local -a options=()

	choose_machine
	if [ $icount = 1 ]; then
		options+=(-accel tcg -icount 'shift=0,sleep=off' -seed 1
			-rtc 'base=2026-01-01T00:00:00,clock=vm')
		cmdline+=" quiet nokaslr norandmaps randomize_kstack_offset=off nowatchdog"
		# while the first CPU waits for the others at boot, QEMU 7 runs only that one
		[ "$smp" = 1 ] || cmdline+=" maxcpus=1"
	else
		options+=(-accel 'tcg,thread=multi')
		cmdline+=" loglevel=7 rcupdate.rcu_cpu_stall_timeout=60"
	fi
	# a race elsewhere is none of ours
	[[ $kernel != debug* || $kernel = debug-kcsan ]] || cmdline+=" panic_on_warn=1"
	[ -z "$ram" ] || options+=(-machine memory-backend=ram -object
		"memory-backend-file,id=ram,size=${mem}M,mem-path=$ram,share=on")
	[ $kmemleak = 0 ] || cmdline+=" kmemleak=on"

	[ -z "$gdb" ] || options+=(-gdb "unix:$gdb,server=on,wait=off")

	mkfifo "$work/monitor.in" "$work/monitor.out"
	exec 7<>"$work/monitor.in" 8<>"$work/monitor.out"
	touch "$work/console" "$work/status"
	exec 6> >(exec cat 7>&- 8>&-)
	relay=$!
	"$program" "${options[@]}" -cpu "$cpu" -smp "$smp" -m "$mem" -nic none \
		-display none -no-reboot -d cpu_reset -D "$work/qemu.log" \
		-chardev pipe,id=monitor,path="$work/monitor" -mon chardev=monitor \
		-chardev stdio,id=output,signal=off \
		-chardev file,id=tell,path="$work/status" \
		-serial file:"$work/console" "${ports[@]}" \
		-kernel "$VMLINUZ" -initrd "$work/initrd" \
		-append "$cmdline$append" \
		</dev/null >&6 2>"$work/qemu.err" 7>&- 8>&- &
	qemu=$!
	exec 6>&-
}

said() { grep -aq "^$1" "$work/status"; }
alive() { kill -0 "$qemu" 2>/dev/null; }

# Waits until the guest says something, dies, or the time is over.
wait_until() {
	local seconds=$1 what=$2 end

	end=$((SECONDS + seconds))
	while alive && ! said "$what"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

# Even a CPU that spins with interrupts off takes an NMI: it panics and
# prints where every CPU is. arm64 has none: QEMU says where they are.
force_backtrace() {
	if [ "$arch" = arm64 ]; then
		log "no answer from the machine; its CPUs:"
		printf 'info registers -a\n' >&7
		{ timeout 5 cat <&8 || true; } | grep -a '^CPU\| PC=\|X30=' >&2
		return
	fi
	log "no answer from the machine: sending an NMI"
	printf 'nmi\n' >&7
	wait_until 20 nothing || true
}

# Guest seconds under icount, and host load, make this only the last resort.
run_machine() {
	local boot=$((icount ? 400 : 120)) extra=40

	[[ $kernel != debug* ]] || boot=400
	hung=0
	start_qemu
	if ! wait_until $boot start; then
		force_backtrace
	elif ! wait_until $((icount ? timeout * 20 + extra : timeout + extra)) nothing; then
		hung=1
		force_backtrace
	fi
	alive && kill -9 "$qemu"
	wait "$qemu" 2>/dev/null && ended=0 || ended=$?
	qemu=
	wait "$relay" 2>/dev/null || true
}

# --- what came of it -----------------------------------------------------------

# The log from the first line that matters on; what boot said is not ours.
extract_log() {
	cat "$work/console" "$work/status" | tr -d '\r\0' |
		sed -n '/kevent-vm: start/,$p' | klog_ours >"$work/klog"
}

show_log() {
	log "$1; the kernel said:"
	tail -n "${2:-400}" "$work/klog" >&2
}

show_bugs() {
	log "the kernel's log shows a bug: $(grep -aE -m 1 "$klog_bad" "$work/klog")"
	grep -aE -B 3 -A 40 "$klog_bad" "$work/klog" | sed 300q >&2
}

show_boot() {
	log "$1; the kernel said:"
	cat "$work/qemu.err" >&2
	tr -d '\r\0' <"$work/console" | tail -60 >&2
}

judge() {
	local status

	extract_log
	if ! said start; then
		show_boot "the machine did not boot"
		return 125
	fi
	if said timeout || [ $hung = 1 ]; then
		show_log "the command did not end in $timeout s"
		return 124
	fi
	if grep -aqE "$klog_bad" "$work/klog"; then
		show_bugs
		return 126
	fi
	if said 'done load'; then
		show_log "the module did not load" 20
		return 125
	fi
	status=$(sed -n 's/^exit \([0-9]*\).*/\1/p' "$work/status" | head -1)
	if [ -z "$status" ]; then
		# a triple fault leaves a word of QEMU's, and none of the kernel's
		sed -n '/^Triple fault/,$p' "$work/qemu.log" | head -40 >&2
		show_log "the machine went away (QEMU ended with $ended $(tail -n 1 "$work/qemu.err"))"
		return 126
	fi
	return "$status"
}

[ -n "$smp" ] || smp=$((icount ? 1 : 2))
if [ -z "$mem" ]; then
	mem=1024
	[ $icount = 0 ] || mem=2048
	[[ $kernel != debug* ]] || mem=3072
fi
[[ $kernel != debug* ]] || export KEVENT_TEST_SCALE=${KEVENT_TEST_SCALE:-8}

arch=$(kernel_arch "$kernel")
choose_ports
cross_use "$arch"
assignments=$("$here/kernel.sh" "$kernel") || exit 125
eval "$assignments"
if [ $module = 1 ]; then
	ko=$("$top/scripts/build-module.sh" "$KDIR" "${O:-$top/build}") ||
		die "the module does not build for $KREL"
fi
make_initramfs
run_machine
# Before init starts nothing of ours has run: QEMU may get a boot wrong when the
# host is busy, by stale code after the kernel patched its own.
for _ in 1 2; do
	! said start || break
	log "the machine did not boot; once more"
	rm -f "$work"/{monitor.in,monitor.out,console,status}
	run_machine
done
judge && status=0 || status=$?
exit "$status"
