#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-race.sh KERNEL SECONDS CPUS: tests/race for about so long, the module
# built with the delays of module/delay.h, and whatever else has several threads or
# wake-ups in it, once; TESTS selects. Says how often each pair was tried, and which
# delays were never passed.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=scripts/steps.sh
. scripts/steps.sh

kernel=$1 seconds=$2 cpus=$3
out=${O:-build}
read -ra patterns <<<"${TESTS:-race/* ring/* wait/* nest/poll source/aio_disk}"
mapfile -t names < <(tests/run.sh --list "${patterns[@]}")

# race/unload has all other actors, ten, in each of its tests.
count_pairs() {
	local name num pairs=0

	make -s --no-print-directory O="$out" "${names[@]/#/$out/tests/}" >&2
	for name in "${names[@]}"; do
		[[ $name = race/* ]] || continue
		num=$("$out/tests/$name" -l | wc -l)
		[ "$name" != race/unload ] || num=$((num * 10))
		pairs=$((pairs + num))
	done
	echo $((pairs ? pairs : 1))
}

show_points() {
	awk '
		NR == FNR { hits[$1] = 0; all++; next }
		/^# point / && !hits[$3] { hits[$3] = 1; passed++ }
		END {
			printf "%d of %d delays passed", passed, all
			for (point in hits)
				if (!hits[point])
					never = never " " point
			print never == "" ? "" : ", never:" never
		}' <(grep -rohE '\bKEV_DELAY\([A-Z_]+' module | cut -d '(' -f 2 | sort -u) \
		"$out/tests/log-$kernel"
}

pairs=$(count_pairs)
options=(--kernel "$kernel" --smp "$cpus" --timeout $((seconds * 3 + 1800)))
[[ $kernel != debug && $kernel != debug-rt ]] || options+=(--kmemleak)
export KEVENT_DEBUG_DELAYS=1
export KEVENT_RACE_MS=$((seconds * 1000 / pairs + 1))
export KEVENT_TEST_SCALE=$((8 + seconds / 1200))
step tests/run.sh "${options[@]}" "${names[@]}"
show_points
steps_sum
