#!/bin/bash
# SPDX-License-Identifier: GPL-2.0

usage() {
	cat <<'END'
usage: scripts/readme-figures.sh [RUN.JSON]
       scripts/readme-figures.sh --write [RUN.JSON]
       scripts/readme-figures.sh --check

Prints the tables of figures from what "make bench" wrote (build/bench/figures.json,
O= instead of build). --write makes that run the one of this tree: it becomes
docs/benchmarks.json, the tables go into docs/benchmarks.md and docs/kqueue.md,
five of their rows into README.md, the plots that docs/benchmarks.md shows into
docs/plots. Rows that were not measured are left out.

--check ends with status 1, and says why, if the pages or the plots are not those
of docs/benchmarks.json, or if bench/reasons does not say why a row of it is lost.
END
}

set -euo pipefail

cd "$(dirname "$0")/.."
mode=print
json=${O:-build}/bench/figures.json
for arg; do
	case $arg in
	--write | --check) mode=${arg#--} ;;
	-*) usage >&2; exit 2 ;;
	*) json=$arg ;;
	esac
done
[ "$mode" != check ] || json=docs/benchmarks.json
if [ ! -s "$json" ]; then
	echo "no $json: make bench" >&2
	exit 1
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/kevent-figures.XXXXXX")
trap 'rm -rf "$work"' EXIT
awk -f bench/table.awk bench/goals "$json" >"$work/table" || true

# Rows of bench/table.awk, and what they are called here; in the README are those
# that begin with "*".
rows() {
	cat <<'END'
pipe an event: pipe
eventfd an event: eventfd
unix an event: UNIX stream
*tcp an event: TCP
*libevent/10000/1 1 ready of 10,000
libevent/100000/1 1 ready of 100,000
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
http/256/plain HTTP request, 256 connections
http/256/batched the same, changes in the wait
keepalive/1000/32 HTTP request, kept connections, 32 of 1,000 active
keepalive/10000/32 the same, 32 of 10,000 active
load/50 a server that sleeps, half busy: a request, beyond the work
load/50/calls its system calls
load/90/calls the same, 90 % busy
sendfile/4096/splice sending a file of 4 KB (io_uring: splice)
sendfile/65536/splice sending a file of 64 KB (io_uring: splice)
sendfile/4096/copy the same of 4 KB (io_uring: read and send)
sendfile/65536/copy the same of 64 KB (io_uring: read and send)
sendfile/4096/batched a file of 4 KB, 32 files in a call of kevent or io_uring
sendfile/65536/batched the same of 64 KB
sendfile/4096/batched/calls its system calls
answer/4096 opening, header, 4 KB, closing
answer/4096/batched the same, 32 in a call of kevent or io_uring
files/1 sending a file of 1 MB, one reader
files/100 the same to 100 readers of different speed
kqueue/1/socket kevent() of libkevent-kqueue, 1 of 64 sockets ready (epoll: by hand)
kqueue/1/timer a timer (epoll: timerfd)
kqueue/1/signal a signal (epoll: signalfd)
kqueue/64/socket 64 of 64 sockets ready
kqueue/1/bytes 1 of 64 sockets ready, and how many bytes (epoll: FIONREAD)
kqueue/64/bytes 64 of 64, and how many bytes
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
	sed -n '1s/.*"kernel":"\([^"]*\)".*"compiler":"\([^"]*\)".*/Linux \1, one virtual CPU, in guest instructions; kevent-bench by \2:\n/p' "$json"
	echo '| | epoll LT | epoll ET | io_uring | io_uring DEFER | poll | **kevent ring** | kevent get_events | ring / best rival |'
	echo '|---|--:|--:|--:|--:|--:|--:|--:|--:|'
	{ rows; sed '/^workers, /,/^$/d; s/^/@ /' "$work/table"; } | awk -v all="$1" '
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

# How 16 workers share connections.
workers() {
	echo '| connections at once | way | instructions, a connection | wake-ups | calls | busiest worker, % |'
	echo '|--:|---|--:|--:|--:|--:|'
	awk '
		/^workers, / { inside = 1; next }
		inside && NF == 6 {
			sub(/.*\//, "", $1)
			sub(/\//, ", ", $2)
			print "| " $1 " | " $2 " | " $3 " | " $4 " | " $5 " | " $6 " |"
		}' "$work/table"
}

# Rows of bench/table.awk that have kevent() of libkevent-kqueue, and what they are called.
kqueue_rows() {
	cat <<'END'
kqueue/1/socket 1 of 64 TCP sockets is ready
kqueue/64/socket all 64 are ready
kqueue/1/bytes 1 of 64 is ready, and how many bytes it has (by hand: `FIONREAD`)
kqueue/64/bytes all 64 are, and how many bytes they have
kqueue/1/timer a timer
kqueue/1/signal a signal
kqueue/64/mixed 40 sockets, 16 timers, 8 signals at once
changelist-add/socket a changelist of 64 sockets: `EV_ADD`
changelist-disable/socket `EV_DISABLE`
changelist-enable/socket `EV_ENABLE`
changelist-delete/socket `EV_DELETE`
changelist-add/mixed a changelist of 40 sockets, 16 timers, 8 signals: `EV_ADD`
changelist-delete/mixed `EV_DELETE`
END
}

# By hand is with epoll, in its cheaper mode.
kqueue() {
	echo '| | by hand | kevent() | ratio |'
	echo '|---|--:|--:|--:|'
	{ kqueue_rows; sed 's/^/@ /' "$work/table"; } | awk '
		$1 == "@" { hand[$2] = $3 == "-" || $4 + 0 < $3 + 0 ? $4 : $3; kevent[$2] = $9; ratio[$2] = $10; next }
		{ name[++n] = $1; sub(/^[^ ]* /, ""); label[n] = $0 }
		END {
			for (i = 1; i <= n; i++)
				if (name[i] in hand)
					printf "| %s | %s | %s | %s |\n", label[i], hand[name[i]],
					       kevent[name[i]], ratio[name[i]]
		}'
}

# The text for the marks of that name, "<!-- name -->" to "<!-- end of name -->".
make_blocks() {
	table all >"$work/docs.figures"
	table '' >"$work/readme.figures"
	workers >"$work/docs.workers"
	kqueue >"$work/docs.kqueue"
}

# put PAGE NAME FILE
put() {
	sed -i -e "/^<!-- $2 -->\$/,/^<!-- end of $2 -->\$/ {
		/^<!--/!d
		/^<!-- $2/r $3
	}" "$1"
}

between() { sed -n "/^<!-- $2 -->\$/,/^<!-- end of $2 -->\$/ { /^<!--/!p }" "$1"; }

bad=0
complain() {
	echo "$*" >&2
	bad=1
}

# check_block PAGE NAME FILE
check_block() {
	between "$1" "$2" | diff - "$3" >&2 ||
		complain "$1: its table of $2 is not that of $json: scripts/readme-figures.sh --write $json"
}

# The names of those that the page shows.
plots_shown() { sed -n 's/.*(plots\/\([a-z-]*\)\.svg).*/\1/p' docs/benchmarks.md; }

# Each is there and of these figures, and there are no others.
check_plots() {
	local name file sum

	bench/plot.sh --data "$work" "$json" >"$work/plots"
	for name in $(plots_shown); do
		sum=$(sed -n "s/^$name //p" "$work/plots")
		[ -n "$sum" ] || complain "docs/benchmarks.md: $json has no plot $name"
		grep -qsF "<!-- data: $sum -->" "docs/plots/$name.svg" ||
			complain "docs/plots/$name.svg is not there, or was not drawn from $json"
	done
	for file in docs/plots/*; do
		grep -qF "(plots/${file##*/})" docs/benchmarks.md || complain "$file: no page shows it"
	done
}

# Of what is in the report.
check_reasons() {
	local row

	while read -r row; do
		complain "bench/reasons: nothing about $row, which is lost"
	done < <(awk -F '\t' '
		FNR == NR { if (!/^#/ && NF == 2) pattern[++num] = $1; next }
		{
			split($0, c, " ")
			if (c[9] !~ /^[0-9.]+$/ || c[9] <= 1.02)
				next
			for (i = 1; i <= num; i++)
				if (c[1] ~ pattern[i])
					next
			print c[1]
		}' bench/reasons "$work/table")
}

make_blocks
case $mode in
print) cat "$work/docs.figures"; echo; cat "$work/docs.workers"; echo; cat "$work/docs.kqueue" ;;
write)
	[ "$json" -ef docs/benchmarks.json ] || cp "$json" docs/benchmarks.json
	bench/plot.sh "$work/all" docs/benchmarks.json
	rm -rf docs/plots
	mkdir docs/plots
	for name in $(plots_shown); do
		cp "$work/all/$name.svg" docs/plots/
	done
	put docs/benchmarks.md figures "$work/docs.figures"
	put docs/benchmarks.md workers "$work/docs.workers"
	put docs/kqueue.md kqueue "$work/docs.kqueue"
	put README.md figures "$work/readme.figures"
	;;
check)
	check_block docs/benchmarks.md figures "$work/docs.figures"
	check_block docs/benchmarks.md workers "$work/docs.workers"
	check_block docs/kqueue.md kqueue "$work/docs.kqueue"
	check_block README.md figures "$work/readme.figures"
	check_plots
	check_reasons
	;;
esac
exit $bad
