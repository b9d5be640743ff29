#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# guest-runner.sh DIR NAME...: runs test programs inside the machine, one
# after the other. Lines that begin with "#>" and "#|" are for tests/run.sh,
# the rest is the programs' KTAP. A line in the kernel's log that shows a bug
# is held against the program that was running.

# shellcheck shell=dash source=tests/vm/klog.sh
. /vm/klog.sh

dir=$1
shift
# A backstop: each test has a limit of its own.
limit=$((600 * ${KEVENT_TEST_SCALE:-1}))

show_kernel_log() {
	dmesg -c | klog_ours >/tmp/.klog
	grep -qE "$klog_bad" /tmp/.klog || return 0
	echo "#> klog"
	grep -E -B 3 -A 100 "$klog_bad" /tmp/.klog | head -400 | sed 's/^/#| /'
}

# What a program leaves open would be blamed on whoever comes later.
show_leftovers() {
	local tries=50

	[ -e /sys/module/kevent/refcnt ] || return 0
	while [ "$(cat /sys/module/kevent/refcnt)" != 0 ]; do
		tries=$((tries - 1))
		if [ $tries = 0 ]; then
			echo "#> busy $(cat /sys/module/kevent/refcnt)"
			return
		fi
		sleep 0.1
	done
}

# In a module that has delays: which were passed, for check-race.sh.
show_delays() {
	local counts=/sys/module/kevent/parameters/delay_counts

	[ ! -e $counts ] || sed 's/^/# point /' $counts
}

dmesg -c >/dev/null
for name; do
	echo "#> begin $name"
	read -r start _ </proc/uptime
	timeout -s KILL $limit "$dir/$name" </dev/null
	status=$?
	read -r end _ </proc/uptime
	show_leftovers
	show_kernel_log
	show_delays
	echo "#> end $name $status $((${end%.*} - ${start%.*}))"
done
