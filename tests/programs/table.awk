# SPDX-License-Identifier: GPL-2.0
#
# The rows of guest.sh, as a table. Ends with status 1 if there was an error, or if the
# drop-in took more instructions than goal times those of epoll, with --fast goal_fast times.

/^row / {
	sub(/\r$/, "")
	key = $2 " " $4
	if (!(key in seen))
		keys[++n] = key
	seen[key] = 1
	requests[key] = $5
	errors[key] += $6
	instructions[key, $3] = $7 / $5
	calls[key, $3] = $8 / $5
}

/^bad / {
	bad = bad "\n" $0
}

# where: kevent, or fast
function line(key, where, goal,    name, was, is, ratio, note) {
	split(key, name, " ")
	was = instructions[key, "epoll"]
	is = instructions[key, where]
	ratio = was ? is / was : 0
	if (!was || !is || errors[key])
		failed = 1
	if (ratio > goal) {
		failed = 1
		note = " over " goal
	}
	printf "%-14s %-9s %8d %6d %8.2f %8.2f %10d %10d %6.3f%s\n",
		name[1] (where == "fast" ? " --fast" : ""), name[2], requests[key], errors[key],
		calls[key, "epoll"], calls[key, where], was, is, ratio, note
}

END {
	printf "%-14s %-9s %8s %6s %17s %21s %6s\n", "program", "load", "requests",
		"errors", "calls a request", "instructions", "ratio"
	printf "%-14s %-9s %8s %6s %8s %8s %10s %10s\n", "", "", "", "", "epoll",
		"kevent", "epoll", "kevent"
	for (i = 1; i <= n; i++) {
		line(keys[i], "kevent", goal)
		if ((keys[i], "fast") in instructions)
			line(keys[i], "fast", goal_fast)
	}
	if (bad || !n)
		failed = 1
	print bad
	exit failed
}
