# SPDX-License-Identifier: GPL-2.0
#
# Together with table.awk, before it: compares what was measured with the figures
# that are kept in bench/figures, and says in the last line how many are as they
# were. With -v renew=1 it prints the figures to be kept. With -v ratios=1 the
# figures are those of another kernel: what is compared is the ratio to the best
# rival. With -v some=1 rows may be missing.

# More than this is a loss: a part of what it was, and in instructions; those of a
# close that nobody watches are next to nothing, the difference of two large figures.
# From one kernel to another rivals alone change by up to 15 %.
function limit(was, row) {
	return was * (ratios ? 1.2 : 1.03) + \
	       (row ~ /\/(calls|wakeups)$/ ? 0.05 : row ~ /\/unwatched$/ ? 5 : 2)
}

# Not the same in each run: what it is a difference of is not, or it depends on who
# of several threads comes first.
function varies(row) {
	return row ~ /\/taken$|^libevent\/1000\/100(\/|$)/
}

function rival_of(row,    best) {
	best = best_rival(row)
	return best == "" || best < 10 ? 0 : best
}

# What a row is kept by, of those that say the same in each run.
function each_figure(action,    i, j, row) {
	for (i = 1; i <= num_rows; i++) {
		row = rows[i]
		share_rivals(row)
		if (varies(row))
			continue
		for (j = 6; j <= 7; j++)
			if ((row, column[j]) in cell)
				keep_or_compare(action, row, column[j])
		if (action == "keep" && rival_of(row))
			printf "%s rival %.2f\n", row, rival_of(row)
	}
}

function keep_or_compare(action, row, mech,    got, was, what) {
	got = cell[row, mech]
	if (action == "keep") {
		printf "%s %s %.2f\n", row, mech, got
		return
	}
	if (!((row, mech) in kept)) {
		printf "%s, %s: %.2f, and no figure is kept\n", row, mech, got
		return
	}
	was = kept[row, mech]
	compared_with[row, mech] = 1
	if (ratios) {
		if (!rival_of(row) || !((row, "rival") in kept))
			return
		got *= kept[row, "rival"] / rival_of(row)
		what = " (in proportion to the best rival)"
	}
	if (got <= limit(was, row)) {
		passed++
		if (!ratios && got < was / 1.03 - 2)
			cheaper++
		return
	}
	failed++
	printf("%s, %s: %.2f, was %.2f: %.0f %% more%s\n", row, mech, got, \
	       was, was > 0 ? 100 * (got / was - 1) : 100, what)
}

FILENAME ~ /figures\// {
	if ($0 !~ /^#/)
		kept[$1, $2] = $3 + 0
	next
}

END {
	if (renew) {
		print "# SPDX-License-Identifier: GPL-2.0"
		print "# Linux " kernel ", " unit ": make check-perf RENEW=1"
		each_figure("keep")
		exit
	}
	each_figure("compare")
	for (key in kept) {
		if (some || (key in compared_with) || key ~ (SUBSEP "rival$"))
			continue
		split(key, part, SUBSEP)
		printf "%s, %s: was not measured\n", part[1], part[2]
		failed++
	}
	if (cheaper)
		printf "%d figures are more than 3 %% lower: make check-perf RENEW=1 keeps them so\n", cheaper
	printf "%d passed, %d failed\n", passed, failed
	exit failed > 0
}
