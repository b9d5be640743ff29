#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-builds.sh [KERNEL...] [--if-there KERNEL...]: builds the module for each supported
# kernel, against its headers alone, with W=1, and sparse where there is one for it, by
# its own compiler, two at a time. Prints warnings, and answers of probes that are not
# those of module/compat/answers; nothing if all is well. What was built well is not built
# again until it changes. A series that its release of Debian has no more is left out: a
# line on stderr says so. So is a kernel behind --if-there whose headers can't be fetched.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
out=${O:-build}/builds
answers=module/compat/answers
[ $# -gt 0 ] || set -- 6.1 6.1-rt 6.1-cloud 6.12 6.12-rt 6.12-cloud 6.12@trixie \
	7.2 7.3 7.3-rt 7.3-cloud 7.3@experimental \
	6.1-arm64 6.12-arm64 7.3-arm64
mkdir -p "$out"

sources_sum() {
	{
		echo "$1"
		cat scripts/build-module.sh scripts/check-builds.sh
		find module include -type f ! -name '.*' ! -name '*.o' | LC_ALL=C sort | xargs sha256sum
	} | sha256sum
}

# Those whose first form the kernel must have, as names of macros.
expected() {
	awk -v series="$1" '
		function number(s) { split(s, part, "."); return part[1] * 1000 + part[2] }
		/^#/ { next }
		number($2) <= number(series) && ($3 == "-" || number(series) < number($3)) {
			name = toupper($1)
			gsub("-", "_", name)
			print "KEV_HAVE_" name
		}' $answers | LC_ALL=C sort
}

# What the compiler was called with.
given() {
	grep -ohE 'DKEV_HAVE_[A-Z0-9_]+' "${1%/*}/.main.o.cmd" | sed 's/^D//' | LC_ALL=C sort -u
}

# sparse 0.6.4, of Debian 12 and 13, can't read the headers of 7.x; sid's can.
checker() {
	case $1 in
	7.2 | 7.*@experimental | 6.*) echo 1 ;;
	esac
}

build() {
	local kernel=$1 log=$out/$1.log ko where KDIR KREL sum

	where=$(tests/vm/kernel.sh --headers "$kernel" 2>"$log")
	case $if_there-$? in
	?-0) eval "$where" ;;
	?-3 | 1-*) sed -n '$s/^/left out: /p' "$log" >&2; return ;;
	*) echo "$kernel: no headers"; cat "$log"; return ;;
	esac
	sum=$(sources_sum "$KDIR")
	[ "$(cat "$out/$kernel.sum" 2>/dev/null)" != "$sum" ] || return 0
	rm -rf "$out/module/$KREL"
	if ! ko=$(W=1 C=$(checker "$kernel") scripts/build-module.sh "$KDIR" "$out" 2>"$log"); then
		echo "$kernel: the module does not build"
		tail -5 "$log"
		return
	fi
	grep -E 'warning|error' "$log" | sed "s/^/$kernel: /" && return
	diff <(expected "${kernel%%[-@]*}") <(given "$ko") |
		sed -n "s,^< ,$kernel: not as $answers has it: lacks ,p;
			s,^> ,$kernel: not as $answers has it: has ,p" | grep . && return
	echo "$sum" >"$out/$kernel.sum"
}

# A probe that nobody says anything of.
diff <(sed '/^#/d; s/ .*//' $answers) <(find module/compat/probe -name "*.c" -printf "%f\n" | sed "s/.c$//" | LC_ALL=C sort) |
	sed -n "s,^[<>] ,$answers and probe/ differ in ,p"
if_there=0
for kernel; do
	[ "$kernel" != --if-there ] || { if_there=1; continue; }
	[ "$(jobs -rp | wc -l)" -lt 2 ] || wait -n
	{
		said=$(build "$kernel")
		[ -z "$said" ] || echo "$said"
	} &
done
wait
