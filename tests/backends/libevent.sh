#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# libevent.sh DIR test|bench: in the machine, runs libevent's own tests, or its benchmarks,
# on epoll and on kevent, each without and with the changelist. DIR has the programs.
# Prints, for run.sh:
#   test libevent[-changelist] BACKEND NAME ok|skip|fail
#   bench NAME BACKEND INSTRUCTIONS		of an event
#
# shellcheck shell=dash

dir=$1 what=$2
ulimit -n 65536

# use BACKEND MODE: from now on.
use() {
	local name

	for name in KEVENT EPOLL POLL SELECT; do
		export EVENT_NO$name=1
	done
	unset "EVENT_NO$(echo "$1" | tr '[:lower:]' '[:upper:]')" EVENT_EPOLL_USE_CHANGELIST \
		EVENT_KEVENT_USE_CHANGELIST
	[ "$2" = plain ] || export EVENT_EPOLL_USE_CHANGELIST=1 EVENT_KEVENT_USE_CHANGELIST=1
	EVENT_SHOW_METHOD=1 "$dir/test-init" 2>&1 | grep -q "$1" || echo "bad libevent: not $1"
}

# The lines of regress: "group/name: [forking] OK"; what a test says may come before "OK".
regress() {
	"$dir/regress" 2>&1 |
		awk -v suite="$suite" -v backend="$backend" '
			function end() {
				if (name)
					print "test", suite, backend, name, status
				name = ""
			}
			match($0, /^[a-z_]+\/[A-Za-z0-9_]+: /) {
				end()
				name = substr($0, 1, RLENGTH - 2)
				status = "fail"
			}
			/OK$/ { status = "ok" }
			/(SKIPPED|DISABLED)$/ { status = "skip" }
			/  FAIL |FAILED\]$/ { print; status = "fail" }
			/^[0-9]+ tests ok|TESTS FAILED/ { end(); print "end", suite, backend }
			END { end() }'
}

# The small programs say by their status if all is well.
programs() {
	local name status

	for name in test-eof test-closed test-weof test-time test-changelist test-fdleak \
		test-dumpevents; do
		status=fail
		"$dir/$name" >/dev/null && status=ok
		echo "test $suite $backend $name $status"
	done
}

# bench NAME EVENTS PROGRAM OPTION...: each line that it prints is the time of EVENTS, in us,
# which is instructions / 1000; the first few are not counted.
bench() {
	local name=$1 events=$2 program=$3
	shift 3

	"$dir/$program" "$@" 2>/dev/null | awk -v name="$name" -v backend="$backend-$mode" -v events="$events" '
		NR > 5 { sum += $1; n++ }
		END { print "bench", name, backend, sum * 1000 / n / events }'
}

for mode in plain changelist; do
	suite=libevent
	[ $mode = plain ] || suite=libevent-changelist
	for backend in epoll kevent; do
		use $backend $mode
		if [ "$what" = test ]; then
			programs
			regress
			continue
		fi
		bench one-active 1001 bench -n 1000 -a 1 -w 1000
		bench 100-active 1100 bench -n 1000 -a 100 -w 1000
		bench all-active 2000 bench -n 1000 -a 1000 -w 1000
		bench cascade 1000 bench_cascade -n 1000
	done
done
