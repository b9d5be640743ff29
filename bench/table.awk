# SPDX-License-Identifier: GPL-2.0
#
# Reads bench/goals, then what kevent-bench --json has written, and prints the table
# and the verdict. Exit status 1: a row has no kevent figure, or (strict=1) a
# goal is missed. A row is what can be compared: figures of one workload and
# size, in modes that do the same.

function field(name,    s) {
	if (!match($0, "\"" name "\":(\"[^\"]*\"|[^,}]*)"))
		return ""
	s = substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3)
	gsub(/"/, "", s)
	return s
}

function put(row, mech, value) {
	if (!(row in known)) {
		known[row] = 1
		rows[++num_rows] = row
	}
	cell[row, mech] = value
}

# Of several figures of a mechanism.
function rival_least(row, mech, value) {
	if (!((row, mech) in rival) || value < rival[row, mech])
		rival[row, mech] = value
}

# Where a figure stands: in one row, or in all those that it is a rival of.
function place(    w, n, k, mech, mode, value, row, kevent, part) {
	w = field("workload"); n = field("n"); k = field("k")
	# the same in cycles, after the nanoseconds
	if (w == "" || (unit == "ns" && field("metric") ~ /^cycles/))
		return
	mech = field("mechanism"); mode = field("mode")
	value = field("value") + 0
	kevent = mech ~ /^kevent/
	part = field("metric") ~ /^(calls|wakeups|taken)$/ ? "/" field("metric") : ""

	row = w
	if (w == "libevent")
		row = w "/" n "/" k
	else if (w == "batch" || w ~ /^(add|modify|delete|close)$/)
		row = w "/" n
	else if (w == "http" || w == "sendfile" || w == "answer")
		row = w "/" n
	else if (w == "files" || w == "load")
		row = w "/" k
	else if (w == "ready")
		row = w "/" n
	else if (w == "overflow" || w == "spin")
		row = w "/" mode
	else if (w == "cpus")
		row = w "/" n "/" mode
	else if (w == "keepalive")
		row = w "/" n "/" k

	if (w ~ /^(sendfile|answer)$/ && !kevent)
		rival_least(row "/batched" part, mech, value)
	if (w ~ /^(add|modify|delete)$/) {
		if (mode == "single")
			put(row "/1-a-call", mech, value)
		if (mode == "batch64" || mech ~ /^epoll/)
			put(row "/64-a-call", mech, value)
	} else if (w == "kqueue" || w ~ /^changelist-/) {
		row = w (w == "kqueue" ? "/" k : "") "/" mode
		if (mech ~ /^epoll/) {
			put(row, mech, value)
			rival[row "/clear", mech] = value
		} else {
			put(row (mech == "kqueue" ? "" : "/clear"), "kevent-get", value)
		}
	} else if (w == "close") {
		put(row "/" (mode == "unwatched" ? mode : "watched"), mech, value)
	} else if (w == "memory" || w == "timer") {
		put(row "/" mode, mech, value)
	} else if (w == "http") {
		if (mode != "operations" && mode != "batched")
			put(row "/plain" part, mech, value)
		if (mode != "poll" && mode != "plain")
			put(row "/batched" part, mech, value)
	} else if (w == "workers") {
		put_workers(n "/" k, mech "/" mode, field("metric"), value)
	} else if (w ~ /^(sendfile|answer)$/ && kevent && mode == "batch") {
		put(row "/batched" part, mech, value)
	} else if (w == "load" && kevent && mode == "lt") {
		put(row "/level" part, mech, value)
	} else if (part != "") {
		put(row part, mech, value)
		if (mech ~ /^(epoll-lt|poll)$/)
			rival[row "/level" part, mech] = value
	} else if (w ~ /^(ready|overflow|spin|cpus)$/) {
		put(row, mech, value)
	} else if (w == "sendfile") {
		if (mode != "copy")
			put(row "/splice", mech, value)
		if (mode != "splice")
			put(row "/copy", mech, value)
	} else if (mode ~ /-epoll$/) {
		put(row (mode == "lt-epoll" ? "/level" : "") "/epoll", mech, value)
	} else if (kevent && mode == "lt") {
		put(row "/level", mech, value)
	} else if (kevent && mode ~ /^et-/) {
		put(row "/source", mech, value)
	} else {
		put(row, mech, value)
		if (mech ~ /^(epoll-lt|poll)$/)
			rival[row "/level", mech] = value
		if (!kevent)
			rival[row "/source", mech] = value
		if (mech ~ /^epoll/)
			rival[row "/epoll", mech] = value
		if (mech == "epoll-lt")
			rival[row "/level/epoll", mech] = value
	}
}

# Those have ways of their own: a line for each, in a table of its own.
function put_workers(size, way, metric, value) {
	if (!((size, way) in pool)) {
		pool[size, way] = 1
		pools[++num_pools] = size SUBSEP way
	}
	if (metric ~ /^(instructions|cpu)/)
		metric = "cost"
	pool[size, way, metric] = value
}

function print_workers(    i, part) {
	if (!num_pools)
		return
	printf "\n%-24s %-28s %9s %9s %9s %9s\n", "workers, workers/clients", "way", \
		"cost", "wakeups", "calls", "busiest %"
	for (i = 1; i <= num_pools; i++) {
		split(pools[i], part, SUBSEP)
		printf "%-24s %-28s %9.0f %9.2f %9.2f %9.0f\n", part[1], part[2], \
			pool[pools[i], "cost"], pool[pools[i], "wakeups"], \
			pool[pools[i], "calls"], pool[pools[i], "share"]
	}
}

function least(row, a, b) {
	if (!((row, a) in cell))
		return ((row, b) in cell) ? cell[row, b] : ""
	if (!((row, b) in cell) || cell[row, a] < cell[row, b])
		return cell[row, a]
	return cell[row, b]
}

function rival_value(row, who) {
	if (who == "epoll")
		return least(row, "epoll-lt", "epoll-et")
	if (who == "best")
		return best_rival(row)
	if (who == "uring")
		return least(row, "io_uring", "io_uring-defer")
	return ((row, who) in cell) ? cell[row, who] : ""
}

function best_rival(row,    i, best) {
	best = ""
	for (i = 1; i <= 5; i++) {
		if ((row, column[i]) in cell && \
		    (best == "" || cell[row, column[i]] < best))
			best = cell[row, column[i]]
	}
	return best
}

# The column of what is measured, and not a rival.
function ours(row) {
	return row ~ /^(kqueue|changelist-[a-z]*)\/|\/epoll$/ ? "kevent-get" : "kevent-ring"
}

function judge(row,    i, other, got, text, mech) {
	text = ""
	for (i = 1; i <= num_goals; i++) {
		mech = goal_mech[i] ? goal_mech[i] : ours(row)
		if (goal_row[i] != row || !((row, mech) in cell))
			continue
		got = cell[row, mech]
		if (goal_to[i] != "value") {
			if (goal_to[i] in known)
				other = cell[goal_to[i], "kevent-ring"]
			else
				other = rival_value(row, goal_to[i])
			if (other == "" || other <= 0)
				continue
			got = got / other
		}
		goals_seen++
		if (got <= goal_max[i])
			goals_met++
		text = text (text == "" ? "" : ", ") (goal_mech[i] ? "get_events " : "") sprintf( \
			goal_to[i] == "value" ? "%.0f (%s%.0f) %s" : "%.2f (%s %.2f) %s", \
			got, goal_to[i] == "value" ? "at most " : goal_to[i], \
			goal_max[i], got <= goal_max[i] ? "met" : "MISSED")
	}
	return text
}

# Rivals that were measured once for several rows.
function share_rivals(row,    i) {
	for (i = 1; i <= 5; i++) {
		if (!((row, column[i]) in cell) && (row, column[i]) in rival)
			cell[row, column[i]] = rival[row, column[i]]
	}
}

function print_row(row,    i, best, line, part, calls) {
	calls = row ~ /\/(calls|wakeups|taken)$/
	share_rivals(row)
	line = sprintf("%-24s", row)
	for (i = 1; i <= 7; i++) {
		if ((row, column[i]) in cell)
			line = line sprintf(calls ? " %9.2f" : " %9.0f", \
					    cell[row, column[i]])
		else
			line = line sprintf(" %9s", "-")
	}
	best = best_rival(row)
	part = "-"
	if (!((row, ours(row)) in cell)) {
		part = "missing"
		missing++
	} else if (best != "" && best > 0 && (best >= 10 || calls)) {
		part = sprintf("%.2f", cell[row, ours(row)] / best)
		if (ours(row) == "kevent-ring" && !calls) {
			compared++
			ahead += cell[row, "kevent-ring"] < best
		}
	}
	printf "%s %8s  %s\n", line, part, judge(row)
}

BEGIN {
	split("epoll-lt epoll-et io_uring io_uring-defer poll kevent-ring kevent-get", column, " ")
	split("epoll_LT epoll_ET io_uring DEFER poll ring get_events", title, " ")
}

FILENAME ~ /goals$/ {
	if ($0 !~ /^#/ && NF == 3) {
		goal_row[++num_goals] = $1
		goal_mech[num_goals] = sub(/^get:/, "", goal_row[num_goals]) ? "kevent-get" : ""
		goal_to[num_goals] = $2
		goal_max[num_goals] = $3 + 0
	}
	next
}

/^\{/ {
	if (field("kernel") != "")
		kernel = field("kernel")
	metric = field("metric")
	if (unit == "" && match(metric, /^(instructions|ns|cycles)/))
		unit = substr(metric, 1, RLENGTH)
	place()
}

END {
	if (!num_rows && !num_pools) {
		print "nothing was measured"
		exit 1
	}
	printf "\nLinux %s, %s for an event (change, close, timer) above the bare work;\n", kernel, unit == "" ? "figures" : unit
	print "pingpong, http, keepalive, sendfile, files: a whole round trip, request, file; calls,"
	print "wakeups: system calls and sleeps a request; taken: locks found taken in 1,000 events;"
	print "memory: bytes a registration. ratio: ring to the best rival. kqueue, changelist:"
	print "get_events is kevent() of libkevent-kqueue, epoll what does the same by hand."
	print ""
	line = sprintf("%-24s", "workload/n/k")
	for (i = 1; i <= 7; i++)
		line = line sprintf(" %9s", title[i])
	printf "%s %8s  %s\n", line, "ratio", "ratio to what, goal"
	for (i = 1; i <= num_rows; i++)
		print_row(rows[i])
	print_workers()
	printf "\n%d rows", num_rows
	if (missing)
		printf ", %d WITHOUT A KEVENT FIGURE", missing
	printf "; the ring is ahead of every rival in %d of %d", ahead, compared
	if (goals_seen)
		printf "; goals: %d of %d met", goals_met, goals_seen
	print "."
	if (missing || (strict && goals_met < goals_seen))
		exit 1
}
