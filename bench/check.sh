#!/bin/bash
# SPDX-License-Identifier: GPL-2.0

usage() {
	cat <<'END'
usage: bench/check.sh [--kernel K] [--renew]

Measures the quick rows, on one virtual CPU and on four, and compares those of
kevent with the figures in bench/figures/K. A row that costs more than 3 % more is
a failure. Where no figures of this kernel are kept, the ratios to the best rival
are compared with those of 6.12: 20 % more is a failure.

  --kernel K, KERNEL=K   the kernel (6.12)
  --renew, RENEW=1       write the figures of K instead, to be committed
  WORKLOADS='pipe tcp'   measure and compare only these

The last line is "N passed, N failed".
END
}

set -euo pipefail

cd "$(dirname "$0")/.."
out=$(realpath -m "${O:-build}")
kernel=${KERNEL:-6.12} renew=${RENEW:-}

while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=$2; shift ;;
	--renew) renew=1 ;;
	-h | --help) usage; exit ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done

one=$out/check-one.json several=$out/check-several.json
trap 'echo "0 passed, 1 failed"' ERR
if [ -n "${WORKLOADS:-}" ]; then
	[ -z "$renew" ] || { echo "not all figures would be kept" >&2; exit 2; }
	bench/run.sh --kernel "$kernel" --smp 4 --json "$one" --quick
	: >"$several"
else
	bench/run.sh --kernel "$kernel" --smp 1 --json "$one" --quick
	WORKLOADS='cpus spin' bench/run.sh --kernel "$kernel" --smp 4 --json "$several" --quick
fi
trap - ERR

guard() {
	awk -v "$1=1" -v some="${WORKLOADS:+1}" -f bench/guard.awk -f bench/table.awk "${@:2}" "$one" "$several"
}

figures=bench/figures/$kernel
echo
if [ -n "$renew" ]; then
	mkdir -p bench/figures
	guard renew >"$figures.new"
	mv "$figures.new" "$figures"
	echo "the figures are in $figures"
elif [ -e "$figures" ]; then
	guard figures "$figures"
else
	echo "no figures of $kernel are kept: ratios to the best rival, as with 6.12"
	guard ratios bench/figures/6.12
fi
