#!/bin/bash
# SPDX-License-Identifier: GPL-2.0

usage() {
	cat <<'END'
usage: bench/run.sh [--kernel K] [--smp N] [--no-module] [--json FILE]
                    [KEVENT-BENCH-OPTION...]

Builds kevent-bench, runs it on a stock kernel in QEMU that counts
instructions, writes build/run.json (O= instead of build) and prints a table.
With --json it writes that file instead, and prints no table.

  KERNEL=6.12      the kernel (tests/vm/run.sh --help has the others)
  WORKLOADS='pipe tcp'   only these; all: every size of every workload;
                   empty: those of the table in docs/benchmarks.md
  GOALS=strict     fail if a goal of bench/goals is missed
  --smp N, SMP=N   virtual CPUs (1); the workloads cpus and spin need more

exit status: 0 if everything was measured and every event was right.
END
}

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
# shellcheck source=tests/vm/common.sh
. tests/vm/common.sh
# shellcheck source=tests/vm/cross.sh
. tests/vm/cross.sh
out=$(realpath -m "${O:-build}")
kernel=${KERNEL:-6.12}
json=$out/run.json with_table=1
declare -a vm=() bench=()
smp=${SMP:-1}

while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=$2; shift ;;
	--smp) smp=$2; shift ;;
	--no-module) vm+=(--no-module) ;;
	--json) json=$(realpath -m "$2") with_table=0; shift ;;
	-h | --help) usage; exit ;;
	*) bench+=("$1") ;;
	esac
	shift
done

case ${WORKLOADS:-} in
'') ;;
all) bench+=(--all) ;;
*)
	read -ra names <<<"$WORKLOADS"
	bench+=(--workload "${names[@]}")
	;;
esac

# Figures go to the file, progress and complaints to the terminal.
split_output() {
	local line count=0 start=$SECONDS

	while IFS= read -r line; do
		line=${line%$'\r'}
		case $line in
		'{'*)
			printf '%s\n' "$line" >>"$json"
			count=$((count + 1))
			;;
		*' n='*' k='*[!D])
			printf '%4d s  %3d figures  %s\n' $((SECONDS - start)) \
				"$count" "$line"
			;;
		*) printf '%s\n' "$line" ;;
		esac
	done
}

arch=$(kernel_arch "$kernel")
cross_use "$arch"
built=$(built_in "$out" "$arch")/bench
make -s -C bench BUILD="$built" ${CROSS_ROOT:+SYSROOT="$CROSS_ROOT/arm64"}
: >"$json"
echo "booting Linux $kernel"
status=0
tests/vm/run.sh --kernel "$kernel" --icount --smp "$smp" --timeout 1200 "${vm[@]}" \
	--add "$built/kevent-bench" -- \
	"$built/kevent-bench" --unit instructions --json - "${bench[@]}" \
	2>&1 | split_output || status=$?

strict=0
[ "${GOALS:-}" != strict ] || strict=1
table=0
[ $with_table = 0 ] || awk -v strict=$strict -f bench/table.awk bench/goals "$json" || table=$?
if [ $status != 0 ]; then
	echo "FAILED: the measurement ended with status $status"
	exit "$status"
fi
if [ $table != 0 ]; then
	echo "FAILED: see above"
	exit "$table"
fi
echo "done: every row was measured, every event was right; figures in ${json#"$top"/}"
