#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-debug.sh [KERNEL...]: the tests on kernels with checkers, one after the
# other, each with a scan for leaks where it has that; TESTS selects.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=scripts/steps.sh
. scripts/steps.sh

read -ra patterns <<<"${TESTS:-}"
for kernel in "$@"; do
	options=()
	[ "$kernel" = debug-kcsan ] || options+=(--kmemleak)
	step tests/run.sh --kernel "$kernel" "${options[@]}" "${patterns[@]}"
done
steps_sum
