#!/bin/bash
# SPDX-License-Identifier: GPL-2.0

usage() {
	cat <<'END'
usage: bench/where.sh [--kernel K] [--inline] [--window N] [--operations N]
                      WORKLOAD MECHANISM [KEVENT-BENCH-OPTION...]

Says in which functions the instructions of one operation are spent, by
stepping a machine through them: kernel, module and program. WORKLOAD and
MECHANISM are names of "build/bench/kevent-bench --list"; each size and mode
that they have gets a table. What the same work costs without a mechanism is
subtracted, where the workload has such a run.

  --kernel K   the kernel (6.12), of x86-64
  --inline     the module's functions as they were before they were inlined
  --window N   which of the measured runs (8); for workloads of several steps,
               such as add, that is what chooses the step
  --operations N   that so many operations are in it, where the program does
               not know
END
}

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
out=$(realpath -m "${O:-build}")
kernel=${KERNEL:-6.12} inline=0 window=8 operations=''
pie=$((0x555555554000))		# where norandmaps puts a program

while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=$2; shift ;;
	--inline) inline=1 ;;
	--window) window=$2; shift ;;
	--operations) operations=$2; shift ;;
	-h | --help) usage; exit ;;
	*) break ;;
	esac
	shift
done
[ $# -ge 2 ] || { usage >&2; exit 2; }
[[ $kernel != *-arm64 ]] || { echo "where.sh: only kernels of x86-64" >&2; exit 2; }
workload=$1 mechanism=$2
shift 2

work=$(mktemp -d "${TMPDIR:-/tmp}/kevent-where.XXXXXX")
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT

make -s -C bench BUILD="$out/bench"
program=$out/bench/kevent-bench
${CC:-cc} -O2 -Wall -Wextra -Werror -o "$work/step" bench/where/step.c
symbol() { nm "$program" | awk -v name="$1" '$3 == name { print $1 }'; }
address() { printf '%x' $((pie + 0x$(symbol "$1"))); }

eval "$(tests/vm/kernel.sh "$kernel")"
ko=$(scripts/build-module.sh "$KDIR" "$out")

cat >"$work/guest.sh" <<END
echo 0 >/proc/sys/kernel/kptr_restrict
sed -n 's/^\([0-9a-f]*\) [tTwW] \([^	]*\).*/S \1 \2/p' /proc/kallsyms
echo "M \$(cat /sys/module/kevent/sections/.text)"
exec $program --unit instructions --where --workload $workload --mechanism $mechanism $*
END
tests/vm/run.sh --kernel "$kernel" --icount --timeout 1200 --gdb "$work/gdb" \
	--add "$program" --add "$work/guest.sh" -- /bin/sh "$work/guest.sh" \
	>"$work/guest" 2>"$work/guest.err" &
vm=$!
fail() {
	sed '/^[SM] /d' "$work/guest" >&2
	cat "$work/guest.err" "$work/step.err" >&2
	exit 1
}
"$work/step" "$work/gdb" "$(address where_mark)" "$(address where_job)" \
	"$window" "$work/pc" 2>"$work/step.err" || fail
wait "$vm" || fail

tr -d '\r' <"$work/guest" >"$work/said"
# of the program itself, and of the module before the compiler had its way
{
	sed -n 's/^S //p' "$work/said"
	nm "$program" | sed -n 's/ [tT] / /p' | while read -r at name; do
		printf '%016x %s\n' $((pie + 0x$at)) "$name"
	done
} | sort >"$work/symbols"
text=$(sed -n 's/^M 0x//p' "$work/said")

# Of QEMU's log of what it executes: Trace 0: HOST [CS/PC/FLAGS/CFLAGS]
count() {
	awk -F / '/^Trace/ { total[$2]++ } END { for (pc in total) print total[pc], pc }' "$1"
}

# stdin: count address.  Symbols and addresses are in order: one pass.
by_function() {
	awk -v inline="$inline" '
		NR == FNR { at[n] = $1; name[n++] = $2; next }
		{
			while (i + 1 < n && at[i + 1] <= $2) i++
			function_ = $2 < at[0] ? "?" : name[i]
			if ($2 ~ /^00007ff/) function_ = "(libraries)"
			total[function_] += $1
		}
		END { for (f in total) print total[f], f }' "$work/symbols" -
}

# The module: the innermost function of each address.
by_inlined() {
	local num at

	while read -r num at; do
		echo "$num $at $(printf '0x%x' $((0x$at - 0x$text)))"
	done >"$work/list"
	awk '{ print $3 }' "$work/list" | addr2line -f -j .text -e "$ko" |
		sed -n 'p;n' | paste -d ' ' "$work/list" - |
		awk '{ total[$4] += $1 } END { for (f in total) print total[f], f }'
}

module_end=$((0x$text + 0x$(objdump -h "$ko" | awk '$2 == ".text" { print $3 }')))
split() {
	local end

	end=$(printf '%016x' $module_end)
	count "$1" | awk -v text="$text" -v end="$end" -v module="$work/module" -v other="$work/other" '
		BEGIN { printf "" >module; printf "" >other }
		$2 >= text && $2 < end { print >module; next }
		{ print >other }'
}

table() {
	split "$1"
	if [ $inline = 1 ]; then
		sort -k 2 "$work/other" | by_function
		by_inlined <"$work/module"
	else
		sort -k 2 "$work/module" "$work/other" | by_function
	fi
}

# A measurement is a line "where OPERATIONS MECHANISM SIZE" of the program's.
mapfile -t runs < <(sed -n 's/^where //p' "$work/said")
[ ${#runs[@]} -gt 0 ] || fail
for ((i = 0; i < ${#runs[@]}; i++)); do
	[ -s "$work/pc.$i" ] || continue
	table "$work/pc.$i" >"$work/table.$i"
	read -r ops name size <<<"${runs[i]}"
	ops=${operations:-$ops}
	if [[ $name = bare* ]]; then
		bare=$work/table.$i bare_ops=$ops
		continue
	fi
	echo
	echo "$workload $name $size: instructions of each of $ops operations${bare:+, above bare}"
	awk -v ops="$ops" -v bare="${bare:-}" -v bare_ops="${bare_ops:-1}" '
		FILENAME == bare { total[$2] -= $1 / bare_ops; next }
		{ total[$2] += $1 / ops }
		END {
			for (f in total) {
				sum += total[f]
				if (total[f] >= 0.5 || total[f] <= -0.5)
					printf "%8.1f  %s\n", total[f], f
			}
			printf "%8.1f  sum\n", sum
		}' ${bare:+"$bare"} "$work/table.$i" | sort -rn
done
