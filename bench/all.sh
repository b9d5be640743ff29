#!/bin/bash
# SPDX-License-Identifier: GPL-2.0

usage() {
	cat <<'END'
usage: bench/all.sh

The whole comparison: every size of every workload, in two virtual machines at
once where there are two CPUs, and a report with plots. "make bench" is this.

  KERNEL=6.12      the kernel
  QUICK=1          one size of each workload
  GOALS=strict     fail if a goal of bench/goals is missed

Writes into build/bench (O= instead of build): report.html, report.md, their
plots, and figures.json, what kevent-bench has said.

exit status: 0 if everything was measured and every event was right.
END
}

set -euo pipefail

[ $# = 0 ] || { usage; exit 2; }
cd "$(dirname "$0")/.."
out=$(realpath -m "${O:-build}")
dir=$out/bench
# where the times of jobs are from
last=docs/benchmarks.json
[ ! -s "$dir/figures.json" ] || last=$dir/figures.json
speed=0.5	# seconds of a machine, in one of a CPU here
level=--all machines=2
[ "${QUICK:-0}" = 0 ] || level=--quick
[ "$(nproc)" -gt 1 ] || machines=1
strict=0
[ "${GOALS:-}" != strict ] || strict=1

make -s -C bench BUILD="$dir"
work=$(mktemp -d "${TMPDIR:-/tmp}/kevent-all.XXXXXX")
declare -a pids=()
# shellcheck disable=SC2317 # called by the trap
stop() {
	[ ${#pids[@]} = 0 ] || kill -- "${pids[@]/#/-}" 2>/dev/null || true
	wait
	rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM

# "seconds workload n=N k=K MECHANISM..." of each job. Who is not known is as long as
# the others are on average.
weigh_jobs() {
	"$dir/kevent-bench" --jobs "$level" --unit instructions | awk '
		function field(name) {
			if (!match($0, "\"" name "\":(\"[^\"]*\"|[^,}]*)"))
				return ""
			part = substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3)
			gsub(/"/, "", part)
			return part
		}
		/^\{/ {
			if (field("took") == "")
				next
			key = field("workload") " n=" field("n") " k=" field("k") " " field("mechanism")
			took[key] = field("took")
			sum += took[key]
			num++
			next
		}
		{
			key = $1 " " $2 " " $3 " " $4
			print key in took ? took[key] : num ? sum / num : 0.2, $0
		}' "$([ -e "$last" ] && echo "$last" || echo /dev/null)" -
}

# The names of each workload, separated by spaces; the first is that of its jobs.
names_of_workloads() {
	"$dir/kevent-bench" --list | sed -n '/^workloads:/,/^mechanisms:/s/^  \([a-z0-9, -]*\): .*/\1/p' | tr -d ,
}

# Fills the machines, the longest workload first.
share_out() {
	local total name names
	local -a full=(0 0) list=('' '')
	local m

	while read -r total name; do
		names=$(names_of_workloads | grep -m 1 "^$name\( \|\$\)")
		m=0
		[ "$machines" = 1 ] || [ "${full[0]}" -le "${full[1]}" ] || m=1
		full[m]=$((full[m] + total))
		list[m]+=" $names"
	done < <(awk '{ total[$2] += $1 } END { for (w in total) printf "%d %s\n", total[w] * 1000 + 1, w }' \
		"$work/jobs" | sort -rn)
	for ((m = 0; m < machines; m++)); do
		echo "${list[m]# }" >"$work/list.$m"
		awk -v list=" ${list[m]} " 'index(list, " " $2 " ")' "$work/jobs" >"$work/jobs.$m"
	done
}

# "percent minutes" of a machine; the job that runs is half done. Before the first
# one has ended, nobody knows how fast this is.
progress_of() {
	awk -v seconds=$((SECONDS - started)) -v speed=$speed '
		FNR == NR { weight[NR] = $1; total += $1; num = NR; next }
		/ figures  / { jobs++ }
		END {
			for (i = 1; i < jobs; i++)
				done += weight[i]
			if (jobs)
				done += weight[jobs] / 2
			rate = done > total / 20 && seconds ? done / seconds : speed
			printf "%d %d\n", total ? done * 100 / total : 0, (total - done) / rate / 60 + 0.99
		}' "$work/jobs.$1" "$work/log.$1"
}

show_progress() {
	local m percent minutes line='' most=0

	for ((m = 0; m < machines; m++)); do
		read -r percent minutes < <(progress_of $m)
		line+="  $percent % $(sed -n 's/.* figures  //p' "$work/log.$m" | tail -1)"
		[ "$minutes" -le "$most" ] || most=$minutes
	done
	printf '%3d min, about %d more:%s\n' $(((SECONDS - started) / 60)) "$most" "$line"
}

running() {
	local pid

	for pid in "${pids[@]}"; do
		! kill -0 "$pid" 2>/dev/null || return 0
	done
	return 1
}

weigh_jobs >"$work/jobs"
share_out
started=$SECONDS
# both need the same kernel and module: once
(eval "$(tests/vm/kernel.sh "${KERNEL:-6.12}")" && scripts/build-module.sh "$KDIR" "$out") >/dev/null
for ((m = 0; m < machines; m++)); do
	read -ra names <"$work/list.$m"
	WORKLOADS='' setsid bench/run.sh --json "$work/figures.$m" "$level" --workload "${names[@]}" \
		>"$work/log.$m" 2>&1 &
	pids+=($!)
done
echo "$(wc -l <"$work/jobs") jobs in $machines machines, Linux ${KERNEL:-6.12}"
show_progress
next=$((SECONDS + 20))
while running; do
	sleep 1
	if [ $SECONDS -ge $next ]; then
		show_progress
		next=$((SECONDS + 20))
	fi
done
status=0
for ((m = 0; m < machines; m++)); do
	wait "${pids[m]}" || { status=$?; sed '/ figures  /d' "$work/log.$m"; }
done
pids=()
for ((m = 0; m < machines; m++)); do
	[ $m = 0 ] || sed -i '/^{"kevent-bench"/d' "$work/figures.$m"
	cat "$work/figures.$m"
done >"$dir/figures.json"

awk -v strict=$strict -f bench/table.awk bench/goals "$dir/figures.json" || status=1
bench/report.sh "$dir/figures.json"
if [ $status != 0 ]; then
	echo "FAILED: see above"
	exit $status
fi
echo "done after $(((SECONDS - started + 59) / 60)) minutes: every row was measured, every event was right"
