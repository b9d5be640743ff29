#!/bin/bash
# SPDX-License-Identifier: GPL-2.0

usage() {
	cat <<'END'
usage: scripts/readme-figures.sh [--write] [RUN.JSON]

Prints the table of figures from what "make run" wrote (build/run.json, O=
instead of build). --write puts it into docs/benchmarks.md, and five of its
rows into README.md. Rows that were not measured are left out; no row should
be older than the others, so measure all before --write.
END
}

set -euo pipefail

cd "$(dirname "$0")/.."
write=0
json=${O:-build}/run.json
for arg; do
	case $arg in
	--write) write=1 ;;
	-*) usage >&2; exit 2 ;;
	*) json=$arg ;;
	esac
done
if [ ! -s "$json" ]; then
	echo "no $json: make run" >&2
	exit 1
fi

# Rows of bench/table.awk, and what they are called here; in the README are those
# that begin with "*".
rows() {
	cat <<'END'
pipe an event: pipe
eventfd an event: eventfd
unix an event: UNIX stream
*tcp an event: TCP
*libevent/10000/1 1 ready of 10,000
libevent/10000/10000 10,000 ready of 10,000
*batch/512 512 ready at once
pipe/level pipe, level-triggered
pipe/epoll epoll's contract (get_events: true when handed out, struct epoll_event), edge
pipe/level/epoll the same, level-triggered
batch/64/level/epoll the same, 64 ready at once
add/100000/64-a-call add, 64 a call, to 100,000
delete/100000/64-a-call remove, 64 a call, of 100,000
close/10000/watched close of a watched file
timer/instant timer, whole life, all at one instant
timer/spread timer, whole life, 20 µs apart
*pingpong blocked ping-pong, round trip
*http/1/plain HTTP request, 1 connection
http/1/batched the same, changes in the wait
http/1/plain/calls its system calls
http/32/plain HTTP request, 32 connections
http/32/batched the same, changes in the wait
http/32/plain/calls its system calls
sendfile/4096/splice sending a file of 4 KB (io_uring: splice)
sendfile/65536/splice sending a file of 64 KB (io_uring: splice)
sendfile/4096/copy the same of 4 KB (io_uring: read and send)
sendfile/65536/copy the same of 64 KB (io_uring: read and send)
answer/4096 opening, header, 4 KB, closing
files/1 sending a file of 1 MB, one reader
files/100 the same to 100 readers of different speed
kqueue/1/socket kevent() of libkevent-kqueue, 1 of 64 sockets ready (epoll: by hand)
kqueue/1/timer a timer (epoll: timerfd)
kqueue/1/signal a signal (epoll: signalfd)
kqueue/64/socket 64 of 64 sockets ready
kqueue/64/mixed 40 sockets, 16 timers, 8 signals
changelist-add/socket a changelist of 64 sockets: add
changelist-disable/socket disable
changelist-enable/socket enable
changelist-delete/socket delete
changelist-add/mixed a changelist of 40 sockets, 16 timers, 8 signals: add
changelist-delete/mixed delete
memory/slab memory of a watch, bytes
END
}

# With "all", or those of the README only.
table() {
	sed -n '1s/.*"kernel":"\([^"]*\)".*/Linux \1, one virtual CPU, in guest instructions:\n/p' "$json"
	echo '| | epoll LT | epoll ET | io_uring | io_uring DEFER | poll | **kevent ring** | kevent get_events | ring / best rival |'
	echo '|---|--:|--:|--:|--:|--:|--:|--:|--:|'
	{ rows; { awk -f bench/table.awk bench/goals "$json" || true; } | sed 's/^/@ /'; } | awk -v all="$1" '
		$1 == "@" { for (i = 3; i <= 10; i++) cell[$2, i - 2] = $i; next }
		!all && !/^\*/ { next }
		{ sub(/^\*/, ""); name[++n] = $1; sub(/^[^ ]* /, ""); label[n] = $0 }
		END {
			for (r = 1; r <= n; r++) {
				if (cell[name[r], 6] cell[name[r], 7] !~ /[0-9]/)
					continue
				line = "| " label[r]
				for (i = 1; i <= 8; i++)
					line = line " | " cell[name[r], i]
				print line " |"
			}
		}'
}

# Between the marks of a page.
put() {
	local page=$1

	table "$2" >"$json.md"
	sed -i -e '/^<!-- figures -->$/,/^<!-- end of figures -->$/ {
		/^<!--/!d
		/^<!-- figures/r '"$json.md"'
	}' "$page"
	rm "$json.md"
}

if [ $write = 0 ]; then
	table all
	exit
fi
put docs/benchmarks.md all
put README.md ''
