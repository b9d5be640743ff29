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
	steps_passed=$((steps_passed + ${counts:+${counts% *}}))
	steps_failed=$((steps_failed + ${counts:+${counts#* }}))
	if [ -z "$counts" ] || { [ "$status" != 0 ] && [ "${counts#* }" = 0 ]; }; then
		steps_failed=$((steps_failed + 1))
	fi
}

# The last line, and the status of the script if it is called last.
steps_sum() {
	echo "$steps_passed passed, $steps_failed failed"
	[ "$steps_failed" = 0 ]
}
