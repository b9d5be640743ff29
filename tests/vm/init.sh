#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# /init of the virtual machine. The first serial port is the kernel's console,
# $vm_output carries the command's output, $vm_tell tells run.sh how far things
# have come. /vm/config is written by run.sh.
#
# shellcheck shell=dash disable=SC2154

export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
mount -t cgroup2 cgroup2 /sys/fs/cgroup
chown 1000:1000 /home/user
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd

# shellcheck source=/dev/null
. /vm/config

stty -F "/dev/$vm_output" raw -echo
stty -F "/dev/$vm_tell" raw -echo
# Ports may share an interrupt: let go of the console.
exec </dev/null >"/dev/$vm_output" 2>&1 3>"/dev/$vm_tell"

# Those that had to wait at boot, see run.sh.
for cpu in /sys/devices/system/cpu/cpu[1-9]*/online; do
	[ ! -e "$cpu" ] || echo 1 >"$cpu"
done

ip link set lo up 2>/dev/null || ifconfig lo 127.0.0.1 up
hostname kevent
# A guest on a busy host is slow, not dead.
echo 60 >/proc/sys/kernel/hung_task_timeout_secs 2>/dev/null
echo 60 >/proc/sys/kernel/watchdog_thresh 2>/dev/null

finish() {
	echo "done $1" >&3
	sync
	exec 3>&-
	reboot -f
	sleep 60
}

user_stacks() {
	local task name

	for task in /proc/[0-9]*/task/[0-9]*; do
		name=$(tr '\0' ' ' <"$task/cmdline")
		[ -n "$name" ] || continue
		echo "== task ${task##*/} $name: $(cat "$task/wchan") $(cat "$task/syscall")"
		cat "$task/stack"
	done 2>/dev/null
}

# What hangs is told twice: user tasks from /proc, the rest through sysrq.
watchdog() {
	sleep "$vm_timeout"
	echo "timeout" >&3
	echo "kevent-vm: timeout after $vm_timeout s" >/dev/kmsg
	user_stacks
	echo w >/proc/sysrq-trigger
	echo l >/proc/sysrq-trigger
	sleep 2
	finish 124
}

# Objects freed by RCU or a work item are leaks only if they stay. Once with
# the module, whose functions then have names, and once without its data,
# which may hide a leak.
kmemleak_scan() {
	local leaks=/sys/kernel/debug/kmemleak

	[ "$vm_kmemleak" = 1 ] && [ ! -s /vm/leaks ] || return 0
	sleep 2
	echo scan >$leaks
	sleep 1
	echo scan >$leaks
	cat $leaks >/vm/leaks
	if [ -s /vm/leaks ]; then
		echo "kmemleak: leaks found" >/dev/kmsg
		head -100 /vm/leaks
	fi
}

# The last reference to a queue may still be on its way out.
unload() {
	local tries=50

	[ "$vm_module" = 1 ] || return 0
	until rmmod kevent 2>/vm/rmmod.err; do
		tries=$((tries - 1))
		if [ $tries = 0 ]; then
			echo "kevent-vm: cannot unload kevent: $(cat /vm/rmmod.err)" >/dev/kmsg
			return 1
		fi
		sleep 0.1
	done
}

watchdog &

[ "$vm_settle" = 0 ] || sleep "$vm_settle"
# Only when asked to: scanning takes a minute of a CPU.
if [ "$vm_kmemleak" = 1 ]; then
	echo scan=off >/sys/kernel/debug/kmemleak
	echo clear >/sys/kernel/debug/kmemleak
fi
echo "kevent-vm: start" >/dev/kmsg
echo "start" >&3

if [ "$vm_module" = 1 ]; then
	# shellcheck disable=SC2086 # a list of parameters
	insmod /vm/kevent.ko $vm_params || finish load
	chmod 0666 /dev/kevent || finish load
fi

cd "$vm_cwd" || cd /
(
	exec 3>&-
	# shellcheck source=/dev/null
	. /vm/environment
	# shellcheck source=/dev/null
	. /vm/command
)
status=$?
echo "exit $status" >&3

kmemleak_scan
unload
kmemleak_scan
[ "$vm_quiet" = 0 ] || dmesg >&3
finish "$status"
