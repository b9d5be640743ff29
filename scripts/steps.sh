# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced: runs commands that end in "N passed, N failed", and adds up.

steps_passed=0 steps_failed=0
steps_log=$(mktemp)
trap 'rm -f "$steps_log"' EXIT

# A step that ends without its last line, or not well in spite of it, failed.
step() {
	local status counts

	echo "== $*"
	"$@" 2>&1 | tee "$steps_log"
	status=${PIPESTATUS[0]}
	counts=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed.*/\1 \2/p' "$steps_log" | tail -1)
	if [ -z "$counts" ]; then
		counts='0 1'
	elif [ "$status" != 0 ] && [ "${counts#* }" = 0 ]; then
		counts="${counts% *} 1"
	fi
	steps_passed=$((steps_passed + ${counts% *}))
	steps_failed=$((steps_failed + ${counts#* }))
}

# The last line, and the status of the script if it is called last.
steps_sum() {
	echo "$steps_passed passed, $steps_failed failed"
	[ "$steps_failed" = 0 ]
}
