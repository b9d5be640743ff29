#!/bin/bash
# SPDX-License-Identifier: GPL-2.0

usage() {
	cat <<'END'
usage: tests/soak/run.sh [SECONDS]

Runs tests/soak/edges with 100,000 watches for SECONDS (600) on two virtual CPUs.
The last line has the figures.

  KERNEL=6.12          the kernel (tests/vm/run.sh --help tells which there are)
  WATCHES=100000       how many

exit status: 0 if nothing was lost and nothing stale came, as of
tests/vm/run.sh otherwise.
END
}

set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
# shellcheck source=tests/vm/common.sh
. tests/vm/common.sh
# shellcheck source=tests/vm/cross.sh
. tests/vm/cross.sh
seconds=600
kernel=${KERNEL:-6.12}

case ${1:-} in
'') ;;
*[!0-9]*) usage; [[ $1 == -h || $1 == --help ]]; exit ;;
*) seconds=$1 ;;
esac

out=$(realpath -m "${O:-build}")
arch=$(kernel_arch "$kernel")
cross_use "$arch"
built=$(built_in "$out" "$arch")
program=$built/tests/soak/edges
make -s --no-print-directory O="$built" "$program"
export KEVENT_SOAK_SECONDS=$seconds KEVENT_SOAK_WATCHES=${WATCHES:-100000}
# the program's own limit is two minutes
export KEVENT_TEST_SCALE=$((seconds / 60 + 3))

mkdir -p "$out/tests"
echo "soak: $KEVENT_SOAK_WATCHES watches for $seconds s on $kernel"
tests/vm/run.sh --kernel "$kernel" --smp 2 --mem 3072 \
	--timeout $((seconds + 600)) --add "$program" -- "$program" 2>&1 |
	tee "$out/tests/log-soak-$kernel" && status=0 || status=$?
sed -n 's/^# \(soak: .*\)/\1/p' "$out/tests/log-soak-$kernel"
exit "$status"
