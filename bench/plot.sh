#!/bin/bash
# SPDX-License-Identifier: GPL-2.0

usage() {
	cat <<'END'
usage: bench/plot.sh [--data] DIRECTORY FIGURES.JSON

Draws what kevent-bench has measured: NAME.svg in DIRECTORY for each plot of
which there are at least two points. Each has in its third line the checksum of
what it was drawn from. --data prints "NAME checksum" of each instead.
END
}

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
only_data=0
if [ "${1:-}" = --data ]; then
	only_data=1
	shift
fi
[ $# = 2 ] || { usage >&2; exit 2; }
dir=$1 json=$2
work=$(mktemp -d "${TMPDIR:-/tmp}/kevent-plot.XXXXXX")
trap 'rm -rf "$work"' EXIT

awk -f "$top/bench/table.awk" "$top/bench/goals" "$json" >"$work/table" || true
unit=$(sed -n 's/^Linux [^,]*, \([a-z]*\) for an event.*/\1/p' "$work/table")
columns='x|epoll LT|epoll ET|io_uring|io_uring DEFER|poll|kevent ring|kevent get_events'

# Rows of the table whose name the pattern matches; X is the part of the name that
# is the x axis.
rows() {
	local pattern=$1 part=$2

	echo "$columns"
	awk -v pattern="$pattern" -v part="$part" '
		$1 ~ pattern {
			split($1, name, "/")
			line = name[part]
			for (i = 2; i <= 8; i++)
				line = line "|" ($i == "-" ? "" : $i)
			print line
		}' "$work/table" | sort -n
}

# A way of serving is in one of two rows: HTTP's plain one, or that of batches.
http_rows() {
	echo 'x|epoll LT|epoll ET|io_uring polls|io_uring operations|kevent ring|kevent ring, changes in the wait'
	awk -v end="$1\$" '
		$1 ~ "^http/[0-9]+/(plain|batched)" end {
			split($1, name, "/")
			x = name[2]
			if (name[3] == "plain") {
				known[x] = 1
				first[x] = $2 "|" $3 "|" $5 "|"
				ring[x] = $7
			} else {
				second[x] = $5
				batched[x] = $7
			}
		}
		END {
			for (x in known) {
				line = x "|" first[x] second[x] "|" ring[x] "|" batched[x]
				gsub(/\|-/, "|", line)
				print line
			}
		}' "$work/table" | sort -n
}

# A column of the table of workers, for each way.
workers_rows() {
	awk -v column="$1" '
		/^workers, / { inside = 1; next }
		inside && NF == 6 && $1 ~ /^[0-9]+\// {
			split($1, size, "/")
			if (!(size[2] in known)) {
				known[size[2]] = 1
				xs[++num] = size[2]
			}
			if (!($2 in way)) {
				way[$2] = 1
				ways[++num_ways] = $2
			}
			cell[size[2], $2] = $(column)
		}
		END {
			line = "x"
			for (i = 1; i <= num_ways; i++)
				line = line "|" ways[i]
			print line
			for (j = 1; j <= num; j++) {
				line = xs[j]
				for (i = 1; i <= num_ways; i++)
					line = line "|" cell[xs[j], ways[i]]
				print line
			}
		}' "$work/table"
}

# plot NAME TITLE X Y [SETTING...]: of the data on stdin.
plot() {
	local name=$1 title=$2 x=$3 y=$4 data="$work/$1.data" sum count
	shift 4

	cat >"$data"
	[ "$(wc -l <"$data")" -ge 3 ] || return 0
	sum=$({ printf '%s\n' "$title" "$x" "$y" "$@"; cat "$data"; } | sha256sum | cut -c 1-16)
	if [ $only_data = 1 ]; then
		echo "$name $sum"
		return
	fi
	count=$(head -1 "$data" | tr '|' '\n' | wc -l)
	{
		echo "set terminal svg size 760,420 dynamic noenhanced font 'sans-serif,13' background 'white'"
		echo "set datafile separator '|'"
		echo "set title '$title'; set xlabel '$x'; set ylabel '$y'"
		echo "set key outside right top; set grid ytics lc rgb '#dddddd'"
		echo "set yrange [0:*]; set tics nomirror; set border 3"
		printf '%s\n' "$@"
		awk -F '|' -v data="$data" -v count="$count" 'NR > 1 {
				for (i = 2; i <= NF; i++)
					if ($i != "")
						has[i] = 1
			}
			NR == 1 {
				for (i = 2; i <= NF; i++)
					title[i] = $i
			}
			END {
				line = "plot "
				for (i = 2; i <= count; i++) {
					if (!has[i])
						continue
					style = title[i] ~ /kevent/ ? "lw 3 lc rgb \"#c00000\"" : "lw 1.5"
					line = line sep sprintf("\"%s\" every ::1 using 1:%d with linespoints pt %d ps 0.7 %s title \"%s\"", \
						data, i, i, style, title[i])
					sep = ", "
				}
				print line
			}' "$data"
	} | gnuplot >"$work/svg"
	sed -e "1a<!-- SPDX-License-Identifier: GPL-2.0 -->\n<!-- data: $sum -->" \
		-e 's/[ \t]*$//' "$work/svg" >"$dir/$name.svg"
}

mkdir -p "$dir"
rows '^libevent/[0-9]+/1$' 2 | plot watches 'An event, while 1 of N pipes is active' \
	'pipes that are watched' "$unit, an event" 'set logscale xy; set yrange [*:*]'
rows '^libevent/10000/[0-9]+$' 3 | plot active 'An event, while K of 10,000 pipes are active' \
	'pipes that are active' "$unit, an event" 'set logscale xy; set yrange [*:*]'
rows '^batch/[0-9]+$' 2 | plot batch 'An event, when all of N eventfds are ready' \
	'eventfds' "$unit, an event" 'set logscale x 2'
rows '^add/[0-9]+/64-a-call$' 2 | plot add 'Adding a watch, 64 in a call where that is possible' \
	'watches' "$unit, a watch" 'set logscale x'
rows '^delete/[0-9]+/64-a-call$' 2 | plot delete 'Removing a watch, 64 in a call where that is possible' \
	'watches' "$unit, a watch" 'set logscale x'
rows '^close/[0-9]+/watched$' 2 | plot close 'Closing a watched file' \
	'watches' "$unit, a close" 'set logscale x'
rows '^keepalive/[0-9]+/32$' 2 | plot keepalive 'An HTTP request, on one of 32 active connections' \
	'connections, all others idle' "$unit, a request" 'set logscale x'
http_rows '' | plot http 'An HTTP request with a connection of its own' \
	'requests at once' "$unit, a request" 'set logscale x 2'
http_rows /calls | plot http-calls 'System calls of an HTTP request' \
	'requests at once' 'calls, a request' 'set logscale x 2'
rows '^load/[0-9]+/calls$' 2 | plot load-calls 'System calls of a server that sleeps when idle' \
	'load, %' 'calls, a request'
rows '^load/[0-9]+/wakeups$' 2 | plot load-wakeups 'Wake-ups of a server that sleeps when idle' \
	'load, %' 'wake-ups, a request'
workers_rows 4 | plot workers-wakeups '16 workers: wake-ups' \
	'connections at once' 'wake-ups, a connection' 'set logscale x 2'
workers_rows 6 | plot workers-share '16 workers: what the busiest one serves (even: 6 %)' \
	'connections at once' '% of the connections' 'set logscale x 2'
