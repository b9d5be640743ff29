#!/bin/bash
# SPDX-License-Identifier: GPL-2.0

usage() {
	cat <<'END'
usage: tests/fuzz/run.sh [--kernel K] [--duration S] [--replay FILE] [--keep]

Runs random programs of calls in a virtual machine, from several processes and
threads at once, beginning with those of tests/fuzz/corpus. With a kernel that
has KCOV (debug, the default) those that reach new code are kept, and at last
the coverage of each file of module/ is printed.

  --replay FILE   runs the programs of FILE again and again, and no others
  --keep          programs that reached new code go to tests/fuzz/corpus/found

A report of the kernel ends the run with status 1; what each worker ran last
is then in build/fuzz/report/worker-N, newest at the end, for --replay.
KEVENT_FUZZ_SEED and KEVENT_FUZZ_WORKERS (3) are those of the run.
END
}

set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
# shellcheck source=tests/vm/common.sh
. tests/vm/common.sh
# shellcheck source=tests/vm/cross.sh
. tests/vm/cross.sh
# shellcheck source=tests/vm/klog.sh
. tests/vm/klog.sh
out=$(realpath -m "${O:-build}")
work=$out/fuzz
found=tests/fuzz/corpus/found
kernel=debug duration=600 replay='' keep=0

while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=$2; shift ;;
	--duration) duration=$2; shift ;;
	--replay) replay=$(realpath "$2"); shift ;;
	--keep) keep=1 ;;
	-h | --help) usage; exit ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done

# A memory that is a file shows what ran even when the machine is no more. Hooks
# do not come and go all the time: QEMU now and then runs into a breakpoint of
# code patching after it was taken away (tests/load/module.h), and that is a
# report, too.
run_machine() {
	local corpus=(tests/fuzz/corpus/*) options=() file
	local -a programs

	[ -z "$replay" ] || { corpus=("$replay"); options=(-r); }
	for file in "${corpus[@]}"; do
		programs+=("$(realpath "$file")")
	done
	KEVENT_FUZZ_BAD=$klog_bad KEVENT_KCOV=1 tests/vm/run.sh \
		--kernel "$kernel" --timeout $((duration + 120)) \
		--ram "$work/ram" --log "$work/console" \
		--append panic_on_warn=1 --param ring_max=16384 --param hook_linger=30 \
		--add "$built/tests/fuzz/fuzz" "${programs[@]/#/--add=}" \
		-- "$built/tests/fuzz/fuzz" -t "$duration" \
		-w "${KEVENT_FUZZ_WORKERS:-3}" \
		${KEVENT_FUZZ_SEED:+-s "$KEVENT_FUZZ_SEED"} "${options[@]}" \
		"${programs[@]}" 2>&1
}

# Pages of the journal (exec.c): "FUZZ-PROGRAM worker run state", a program, and
# zeros. The newest is the last.
save_report() {
	local at worker run file name

	rm -rf "$work/report"
	mkdir -p "$work/report"
	while IFS=': ' read -r at _ worker run _; do
		printf -v name '%s-%012d' "$worker" "$run"
		{
			dd if="$work/ram" iflag=skip_bytes,count_bytes skip="$at" count=4096 status=none |
				LC_ALL=C sed -nz '1s/^/# /p' | tr -d '\0'
			echo
		} >"$work/report/$name"
	done < <(LC_ALL=C grep -aboE 'FUZZ-PROGRAM [0-9]+ [0-9]+ (running|ended)' "$work/ram")
	for file in "$work"/report/?-*; do
		[ -e "$file" ] || break
		name=${file##*/}
		cat "$file" >>"$work/report/worker-${name%%-*}"
		rm "$file"
	done
	echo "fuzz: what ran last: make fuzz REPLAY=$work/report/worker-0 (-1, -2)"
}

module_dir() {
	local ko KDIR

	eval "$(tests/vm/kernel.sh "$kernel")"
	ko=$(KEVENT_KCOV=1 scripts/build-module.sh "$KDIR" "$out")
	dirname "$ko"
}

# Programs that the machine printed, between "#> program" and "#> end".
save_new() {
	awk '/^#> program$/ { on = 1; next }
		/^#> end$/ { if (on) print ""; on = 0; next }
		on' "$work/log" >"$work/new"
	if [ $keep = 1 ] && [ -s "$work/new" ]; then
		[ -e "$found" ] || printf '%s\n%s\n' \
			'# SPDX-License-Identifier: GPL-2.0' \
			'# Programs that reached new code.' >"$found"
		cat "$work/new" >>"$found"
	fi
	echo "fuzz: $(grep -c '^run ' "$work/new" || true) programs reached new code: $work/new"
}

arch=$(kernel_arch "$kernel")
cross_use "$arch"
built=$(built_in "$out" "$arch")
make -s --no-print-directory -j"$(nproc)" O="$built" "$built/tests/fuzz/fuzz"
mkdir -p "$work"
rm -f "$work/ram"
trap 'rm -f "$work/ram"' EXIT
status=0
run_machine | tee "$work/log" |
	sed -u '/^#> program$/,/^#> end$/d; /^#> journal$/,/^#> end$/d; /^#> /d' ||
	status=$?
save_new
if [ $status != 0 ]; then
	[ ! -s "$work/ram" ] || save_report
	echo "0 passed, 1 failed"
	exit 1
fi
if grep -q '^#> pc ' "$work/log"; then
	tests/fuzz/coverage.sh "$(module_dir)" "$work/log" | tee "$work/coverage"
fi
echo "1 passed, 0 failed"
