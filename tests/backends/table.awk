# SPDX-License-Identifier: GPL-2.0
#
# The lines of python.sh and libevent.sh, as tables. Ends with status 1 if a test that passed
# on epoll did not on kevent (but for one, see below); if a benchmark took more than goal
# times the instructions of epoll, or was not run; or if there was none.

/^test / {
	suite = $2
	name = $4
	if (!(suite in ran))
		suites[++num_suites] = suite
	ran[suite]++
	if (!((suite, name) in seen))
		names[suite, ++num[suite]] = name
	seen[suite, name] = 1
	status[suite, name, $3] = $5
}

/^bench / {
	if (!($2 in cost))
		benches[++num_benches] = $2
	cost[$2] = 1
	cost[$2, $3] = $4
}

/^bad/ {
	print
	failed++
}

function count(suite,    i, name, was, is) {
	for (i = 1; i <= num[suite]; i++) {
		name = names[suite, i]
		was = status[suite, name, "epoll"]
		is = status[suite, name, "kevent"]
		if (is == "ok")
			ok[suite]++
		else if (is == "skip" && was != "ok")
			skipped[suite]++
		else if (is == "skip" && name ~ /SelectorTestCase\.test_modify_unregister$/)
			named[suite] = named[suite] "\n  " name
		else if (is == "fail" && was == "fail")
			both[suite] = both[suite] "\n  " name
		else {
			bad[suite]++
			missed[suite] = missed[suite] "\n  " name ": " (is ? is : "not run") \
				", on epoll " (was ? was : "not run")
		}
	}
	passed += ok[suite]
	failed += bad[suite]
	skipped[suite] += split(named[suite], unused, "\n") - (named[suite] != "")
	printf "%-20s %8d %8d %8d %8d %8d\n", suite, num[suite], ok[suite], skipped[suite],
		split(both[suite], unused, "\n") - (both[suite] != ""), bad[suite]
	if (both[suite])
		notes = notes "\n" suite ", failed on epoll as well:" both[suite]
	# it replaces a part of CPython's own selectors by name; selector.py has the same for ours
	if (named[suite])
		notes = notes "\n" suite ", for CPython's own selectors alone:" named[suite]
	if (missed[suite])
		notes = notes "\n" suite ", FAILED on kevent alone:" missed[suite]
}

# The better one; 0: one of them is missing.
function best(bench, backend,    plain, changelist) {
	plain = cost[bench, backend "-plain"]
	changelist = cost[bench, backend "-changelist"]
	return plain < changelist ? plain + 0 : changelist + 0
}

function count_bench(bench,    was, is, ratio, ok) {
	was = best(bench, "epoll")
	is = best(bench, "kevent")
	ratio = was ? is / was : 0
	ok = is && was && ratio <= goal
	passed += ok
	failed += !ok
	printf "%-20s %10d %10d %10d %10d %8.3f%s\n", bench, cost[bench, "epoll-plain"],
		cost[bench, "epoll-changelist"], cost[bench, "kevent-plain"],
		cost[bench, "kevent-changelist"], ratio,
		ok ? "" : is && was ? " over " goal : " not run"
}

END {
	if (num_suites)
		printf "%-20s %8s %8s %8s %8s %8s\n", "tests", "all", "passed", "skipped",
			"on both", "failed"
	for (i = 1; i <= num_suites; i++)
		count(suites[i])
	if (notes)
		print notes
	if (num_benches)
		printf "\n%-20s %10s %10s %10s %10s %8s\n%-20s %10s %10s %10s %10s\n", "instructions",
			"epoll", "epoll", "kevent", "kevent", "ratio of",
			"an event", "", "changelist", "", "changelist"
	for (i = 1; i <= num_benches; i++)
		count_bench(benches[i])
	printf "%d passed, %d failed\n", passed, failed
	exit failed || !(num_suites || num_benches)
}
