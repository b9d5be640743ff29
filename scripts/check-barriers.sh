#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-barriers.sh: compiles the functions of include/kevent.h that read the ring for
# arm64, and looks for their barriers in the code, in order:
#
#	a  load-acquire		r  store-release
#	f  full fence		c  compare and swap, acquire and release
#
# QEMU shows no reordering on x86-64, so no test would miss one. Ends with status 1
# and the code of a function that lacks some.

set -euo pipefail

cd "$(dirname "$0")/.."
# shellcheck source=tests/vm/common.sh
. tests/vm/common.sh
# shellcheck source=tests/vm/cross.sh
. tests/vm/cross.sh
cross_use arm64
work=$(mktemp -d "${TMPDIR:-/tmp}/kevent-barriers.XXXXXX")
trap 'rm -rf "$work"' EXIT
bad=0

# A function, its barriers. Behind the short way of swap and next the compiler has put a
# turn of the ring, whose first store may stand at the end.
expectations() {
	cat <<'END'
release r
claim arf
turn rfarf
swap arrf(rfarf|farfr)
next arrf(rfarf|farfr)
free arf
grab aacf
END
}

cat >"$work/ring.c" <<'END'
#include <kevent.h>

#define SHOW(type, name, params, args) \
	type show_##name params; \
	type show_##name params { return kevent_ring_##name args; }

SHOW(void, release, (const struct kevent_ring *r), (r))
SHOW(uint32_t, claim, (struct kevent_ring *r, unsigned int max), (r, max))
SHOW(uint32_t, turn, (struct kevent_ring *r, unsigned int max), (r, max))
SHOW(uint32_t, swap, (struct kevent_ring *r, unsigned int max), (r, max))
SHOW(const struct ukevent *, next, (struct kevent_ring *r), (r))
SHOW(void, free, (const struct kevent_ring *r, uint32_t from, uint32_t to), (r, from, to))
SHOW(int, grab, (const struct kevent_ring *r, unsigned int max, uint32_t *from, uint32_t *to),
     (r, max, from, to))
END

# stdin: a disassembly. One letter a barrier.
letters() {
	awk '
		/\t(ldar|ldapu?r)\t/ { printf "a" }
		/\tstlu?r\t/ { printf "r" }
		/\tdmb\tish$/ { printf "f" }
		/\tcasal\t/ || /__aarch64_cas4_acq_rel/ { printf "c" }'
}

check_function() {
	local flags=$1 name=$2 expected=$3 code found

	code=$("${CROSS_COMPILE:-}objdump" -d --no-show-raw-insn --disassemble="show_$name" "$work/ring.o")
	found=$(letters <<<"$code")
	[[ ! $found =~ ^($expected)$ ]] || return 0
	echo "$code"
	echo "kevent_ring_$name() has the barriers '$found', not '$expected' ($flags)"
	bad=1
}

# The second has other instructions for each of them.
for flags in '-O2' '-O2 -march=armv8.4-a'; do
	# shellcheck disable=SC2086 # a list
	"${CC:-cc}" -std=gnu11 -Wall -Wextra -Werror $flags -Iinclude -Iinclude/uapi \
		-c -o "$work/ring.o" "$work/ring.c"
	while read -r name expected; do
		check_function "$flags" "$name" "$expected"
	done < <(expectations)
done
exit $bad
