#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# coverage.sh DIR LOG: for each file of the module in DIR, how many of its
# instrumented places were reached, by the lines "#> pc SECTION OFFSET" of LOG.
#
# The linker puts the objects' code together in order. So the places of a
# section of kevent.ko are those of the first object, then those of the second
# and so on, and it is enough to count them. What is in a header counts for the
# file that includes it. Code of __init is not looked at.

set -euo pipefail

dir=$1 log=$2

# SECTION OFFSET of each call of the coverage function, in order.
places() {
	readelf -rW "$1" | awk '
		/^Relocation section/ {
			section = $3
			gsub(/\x27|^\x27?\.rela/, "", section)
		}
		$5 == "__sanitizer_cov_trace_pc" { print section, $1 }' |
		sort -k 1,1 -k 2,2
}

in_order() {
	local name

	# Their order is that of the link.
	while read -r name; do
		echo "$dir/${name##*/module/}"
	done < <(tr ' ' '\n' <"$dir/kevent.mod" | grep '\.o$')
}

{
	for object in $(in_order); do
		name=${object#"$dir"/}
		places "$object" | sed "s|^|object ${name%.o}.c |"
	done
	places "$dir/kevent.ko" | sed 's|^|module |'
	grep '^#> pc ' "$log" | tr -d '\r' | sed 's|^#> |reached |'
} | awk '
	$3 ~ /^\.init/ || $2 ~ /^\.init/ { next }
	$1 == "object" { owner[$3, ++known[$3]] = $2; total[$2]++ }
	# a place is known by its return address, behind 4 bytes of offset
	$1 == "module" {
		file = owner[$2, ++found[$2]]
		where[$2, sprintf("%x", hex($3) + 4)] = file
	}
	$1 == "reached" {
		file = where[$3, $4]
		if (file == "") { strays++; next }
		hits[file]++
	}
	function hex(text,    i, n) {
		for (i = 1; i <= length(text); i++)
			n = n * 16 + index("123456789abcdef", substr(text, i, 1))
		return n
	}
	END {
		for (file in total) {
			printf "%-26s %5d of %5d %4d %%\n", file, hits[file],
				total[file], 100 * hits[file] / total[file] | "sort"
			all += total[file]
			some += hits[file]
		}
		close("sort")
		printf "%-26s %5d of %5d %4d %%\n", "all", some, all, 100 * some / all
		if (strays)
			printf "%d places that belong to no file\n", strays
	}'
