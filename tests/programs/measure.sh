# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# shellcheck disable=SC2154 # set by who sources it
#
# Sourced, in the machine: puts load on a server, and says what that costs. $load is the
# program of load.c, $server the server's process, $program and $where what it is called in
# the rows, $protocol, $port and $body what is asked for.

port=8000
counts=/sys/kernel/tracing/events/raw_syscalls/sys_enter
ulimit -n 65536
echo 65536 >/proc/sys/net/core/somaxconn

# --- what it costs --------------------------------------------------------------

children() {
	sed -n "s/^\([0-9]*\) (.*) [A-Z] $1 .*/\1/p" /proc/[0-9]*/stat 2>/dev/null
}

# The tasks of the server: its process, and its children.
tasks() {
	local pid

	for pid in $server $(children "$server"); do
		ls "/proc/$pid/task" 2>/dev/null
	done
}

# Time on the CPU, in ns: with --icount that is instructions.
spent() {
	local task sum=0 ns

	for task in $(tasks); do
		read -r ns _ <"/proc/$task/schedstat" && sum=$((sum + ns))
	done
	echo $sum
}

calls() {
	local task sum=0 n

	for task in $(tasks); do
		n=$(sed -n "s/^{ common_pid: *$task } hitcount: *//p" $counts/hist)
		sum=$((sum + ${n:-0}))
	done
	echo $sum
}

load() { "$load" "$@" -b "$body"; }

# PHASE CONNECTIONS REQUESTS OPTION...: twice, as counting the calls costs instructions.
phase() {
	local name=$1 conns=$2 requests=$3 before after answer errors calls
	shift 3

	load "$protocol" $port "$conns" $((requests / 10 + 2 * conns)) "$@" >/dev/null
	before=$(spent)
	answer=$(load "$protocol" $port "$conns" "$requests" "$@")
	after=$(spent)
	errors=${answer##* }
	echo 'hist:keys=common_pid' >$counts/trigger
	answer=$(load "$protocol" $port "$conns" "$requests" "$@")
	calls=$(calls)
	echo '!hist:keys=common_pid' >$counts/trigger
	errors=$((${errors:-1} + ${answer##* }))
	echo "row $program $where $name $requests $errors $((after - before)) $calls"
}

stop() {
	local tries=100

	kill -TERM "$server"
	while kill -0 "$server" 2>/dev/null && [ $tries -gt 0 ]; do
		tries=$((tries - 1))
		sleep 0.1
	done
	if kill -0 "$server" 2>/dev/null; then
		echo "bad $program $where: does not end"
		kill -KILL "$server"
	fi
	wait "$server"
}

wait_for_port() {
	local tries=600

	until load "$protocol" $port 1 2 >/dev/null 2>&1; do
		tries=$((tries - 1))
		if [ $tries = 0 ] || ! kill -0 "$server" 2>/dev/null; then
			echo "bad $program $where: did not start"
			cat /tmp/server.log
			return 1
		fi
		sleep 0.1
	done
}
