#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-bench.sh: what can be said of kevent-bench and its report without a machine:
# options, repetitions and their spread, comparisons, and that each plot of a report is
# in it. Ends with status 1, and says what is wrong, if something is.

set -euo pipefail

cd "$(dirname "$0")/.."
out=$(realpath -m "${O:-build}")
bench=$out/bench/kevent-bench
bad=0

complain() {
	echo "kevent-bench: $*" >&2
	bad=1
}

# Only where there is liburing, which machines of another architecture do without.
echo '#include <liburing.h>' | ${CC:-cc} -E - >/dev/null 2>&1 || exit 0
make -s -C bench BUILD="$out/bench"
work=$(mktemp -d "${TMPDIR:-/tmp}/kevent-check.XXXXXX")
trap 'rm -rf "$work"' EXIT

# expect STATUS PATTERN COMMAND...: the pattern is in what it prints.
expect() {
	local want=$1 pattern=$2 status=0
	shift 2

	"$@" >"$work/said" 2>&1 || status=$?
	[ $status = "$want" ] || complain "$* ended with $status instead of $want"
	grep -qE -- "$pattern" "$work/said" || complain "$* did not say \"$pattern\""
}

# ---- Comparisons ----------------------------------------------------------------

# row WORKLOAD METRIC VALUE [LOW HIGH]
row() {
	printf '{"workload":"%s","mechanism":"poll","mode":"lt","n":1,"k":1,"metric":"%s","value":%s,' \
		"$1" "$2" "$3"
	[ $# = 3 ] || printf '"low":%s,"high":%s,' "$4" "$5"
	echo '"took":0.1,"bare":null}'
}

check_compare() {
	echo '{"kevent-bench":1,"kernel":"1.2.3","cpu":"X","compiler":"gcc 1"}' >"$work/head"
	{ cat "$work/head"; row pipe ns 100 99 101; row tcp ns 100 99 101; row http instructions-total 100; } >"$work/a"
	{ cat "$work/head"; row pipe ns 150 148 152; row tcp ns 101 100 102; row http instructions-total 50; } >"$work/b"
	expect 0 '^pipe .* 150\.0 .* 1\.500$' "$bench" --compare "$work/a" "$work/b"
	expect 0 '^tcp .* same$' "$bench" --compare "$work/a" "$work/b"
	expect 0 '^http .* 0\.500$' "$bench" --compare "$work/a" "$work/b"
	expect 0 '^3 rows compared, 0 refused' "$bench" --compare "$work/a" "$work/b"

	{ cat "$work/head"; row pipe ns 150 140 160; row tcp ns 100; row unix ns 1 1 1; } >"$work/c"
	expect 1 '^pipe .* 13\.3% +refused$' "$bench" --compare "$work/a" "$work/c"
	expect 1 '^tcp .* once +refused$' "$bench" --compare "$work/a" "$work/c"
	expect 1 '^0 rows compared, 2 refused: .* 2 are in one file only$' "$bench" --compare "$work/a" "$work/c"
	expect 1 '^pipe .* 1\.500$' "$bench" --spread 20 --compare "$work/a" "$work/c"

	cp "$work/head" "$work/d"
	expect 1 'no figures' "$bench" --compare "$work/a" "$work/d"
	expect 1 'No such file' "$bench" --compare "$work/a" "$work/none"
}

# ---- Measuring ------------------------------------------------------------------

# With what every kernel has.
check_measure() {
	local -a options=(--workload pipe --mechanism poll epoll-et --unit ns --repeat 3)

	expect 0 '^pipe .* ns \(spread [0-9.]+%\) \(bare [0-9.]+\)$' \
		"$bench" "${options[@]}" --json "$work/ns"
	grep -qF "{\"kevent-bench\":1,\"kernel\":\"$(uname -r)\"," "$work/ns" ||
		complain "--json: the first line does not name the kernel"
	grep -q '"compiler":"gcc [0-9]' "$work/ns" || complain "--json: no compiler"
	awk -F '[:,]' '/"low"/ {
			for (i = 1; i < NF; i++)
				f[$i] = $(i + 1)
			if (!(f["\"low\""] <= f["\"value\""] && f["\"value\""] <= f["\"high\""]))
				exit 1
			num++
		}
		END { exit num != 2 }' "$work/ns" || complain "--repeat 3: low, value and high are not in order"
	expect 0 '^2 rows compared' "$bench" --spread 1000 --compare "$work/ns" "$work/ns"
	expect 1 'a tick is not an instruction' "$bench" --unit instructions --workload pipe
	expect 1 'from 1 to 50' "$bench" --repeat 0
}

# ---- What there is to be measured --------------------------------------------------

check_lists() {
	local name

	"$bench" --explain >"$work/explain"
	for name in $("$bench" --list | sed -n '/^workloads:/,/^mechanisms:/s/^  \([a-z0-9, -]*\): .*/\1/p' | tr -d ,); do
		grep -q "^$name: " "$work/explain" || complain "--explain does not explain $name"
		grep -qF ".B ${name//-/\\-}" man/kevent-bench.1 || complain "kevent-bench(1) does not name $name"
	done
	expect 0 '^Does not show: ' "$bench" --explain --workload http
	[ "$("$bench" --jobs --unit instructions --workload pipe --mechanism poll | wc -l)" = 2 ] ||
		complain "--jobs: not one job of pipe and poll, and the bare one"
	[ "$("$bench" --jobs --all --unit instructions | wc -l)" -gt \
		"$("$bench" --jobs --quick --unit instructions | wc -l)" ] ||
		complain "--jobs: --all has no more than --quick"
	for name in $("$bench" --help | grep -oE -- '^  --[a-z]+'); do
		[ "$name" = --where ] || grep -qF -- "\\-\\-${name#--}" man/kevent-bench.1 ||
			complain "kevent-bench(1) has no $name"
	done
}

# ---- The report -----------------------------------------------------------------

# mechanism NAME WORKLOAD N VALUE: one figure.
mechanism() {
	printf '{"workload":"%s","mechanism":"%s","mode":"et","n":%s,"k":1,"metric":"instructions","value":%s,"took":0,"bare":null}\n' \
		"$2" "$1" "$3" "$4"
}

# The ring is ahead in one workload, and behind in the other.
make_figures() {
	local n

	cat "$work/head"
	for n in 100 1000; do
		mechanism poll libevent $n "$((n * 300))"
		mechanism kevent-ring libevent $n 190
	done
	for n in 8 512; do
		mechanism poll batch $n 120
		mechanism kevent-ring batch $n 290
	done
}

check_report() {
	local name text plots

	command -v gnuplot >/dev/null || return 0
	make_figures >"$work/figures"
	O=$out bench/report.sh "$work/figures" "$work/report" >"$work/said"
	text=$(cat "$work/report/report.html")
	plots=$(cd "$work/report" && echo *.svg)
	[ "$plots" = 'batch.svg watches.svg' ] || complain "the report has these plots: $plots"
	for name in batch watches; do
		grep -qF "($name.svg)" "$work/report/report.md" || complain "report.md does not show $name.svg"
	done
	[ "$(grep -c '^<svg' <<<"$text")" = 2 ] || complain "report.html has not both plots"
	! grep -qE '(src|href)=["'\''](http|[a-z])' <<<"$text" || complain "report.html needs other files"
	grep -qF 'Linux 1.2.3 ' <<<"$text" || complain "report.html does not name the kernel"
	grep -qF 'compiled by gcc 1;' <<<"$text" || complain "report.html does not name the compiler"
	grep -qF '<td>batch/512</td><td>-</td><td>-</td><td>-</td><td>-</td><td>120</td><td>290</td><td>-</td><td>2.42</td>' \
		<<<"$text" || complain "report.html lacks a row"
	grep -q '^<p>Behind, batch/8: poll' <<<"$text" || complain "report.html does not say why batch is lost"
	! grep -q 'Behind, libevent' <<<"$text" || complain "report.html gives a reason for what is not lost"
	for name in 'Question:' 'Model:' 'Metric:' 'Does not show:'; do
		grep -qF "<b>$name</b>" <<<"$text" || complain "report.html has no \"$name\""
	done
	check_checksums
}

# A figure that has changed changes that of its plot, and no other.
check_checksums() {
	sed '/libevent.*"n":100,/s/"value":190/"value":191/' "$work/figures" >"$work/other"
	[ "$(diff <(bench/plot.sh --data "$work" "$work/figures") \
		<(bench/plot.sh --data "$work" "$work/other") | grep -c '^> watches ')" = 1 ] ||
		complain "a plot whose figure has changed has the same checksum"
	grep -qF "<!-- data: $(bench/plot.sh --data "$work" "$work/figures" | sed -n 's/^watches //p') -->" \
		"$work/report/watches.svg" || complain "watches.svg does not say what it was drawn from"
}

check_compare
check_measure
check_lists
check_report
exit $bad
