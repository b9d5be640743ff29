#!/bin/bash
# SPDX-License-Identifier: GPL-2.0

usage() {
	cat <<'END'
usage: tests/programs/run.sh [--kernel K] [PROGRAM...]

Runs programs of Debian's packages, as they are, in a virtual machine that counts
instructions: each on epoll and on the epoll drop-in, with the same load, all answers
checked. Prints a table: requests, errors, and for a request the system calls and the
instructions of the server.

PROGRAM: redis, nginx, memcached, lighttpd, haproxy, python, node; all without one.
node is there only if Debian's nodejs can be had.

exit status: 0 if all answers were right, and no goal was missed: at most 1.01 of
epoll's instructions (GOAL=), with --fast, where that is of use, 0.97 (GOAL_FAST=).

  KEVENT_PROGRAMS_SCALE=N   N times as many requests
END
}

set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
# shellcheck source=tests/vm/common.sh
. tests/vm/common.sh
# shellcheck source=tests/programs/packages.sh
. tests/programs/packages.sh
out=$(realpath -m "${O:-build}")
kernel=${KERNEL:-6.12}
declare -a programs=()

while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=$2; shift ;;
	-h | --help) usage; exit ;;
	-*) usage >&2; exit 2 ;;
	*) programs+=("$1") ;;
	esac
	shift
done
[ ${#programs[@]} -gt 0 ] || programs=(redis nginx memcached lighttpd haproxy python node)

# --- Debian's packages ------------------------------------------------------------

packages_of() {
	case $1 in
	redis) echo redis-tools redis-server ;;
	nginx) echo nginx nginx-common ;;
	memcached) echo memcached ;;
	lighttpd) echo lighttpd ;;
	haproxy) echo haproxy ;;
	python) echo python3-minimal python3.11-minimal libpython3.11-stdlib libpython3.11-minimal ;;
	node) echo nodejs node-acorn node-cjs-module-lexer node-undici ;;
	*) die "no program $1" ;;
	esac
}

# --- The machine ------------------------------------------------------------------

# One for each program: a file system in memory has to hold it.
run_program() {
	local program=$1 root=$cache/programs/$1
	local -a names

	read -ra names < <(packages_of "$program")
	if ! unpack "$program" "${names[@]}"; then
		echo "bad $program: its packages can not be had"
		return
	fi
	LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu tests/vm/run.sh --kernel "$kernel" \
		--icount --timeout 1200 --add "$root" --add "$out/lib/epoll" \
		--add "$out/programs/load" --add tests/programs/guest.sh --add tests/programs/measure.sh \
		-- "$top/tests/programs/guest.sh" "$out/programs" "$root" "$program" 2>&1 ||
		echo "bad $program: the machine ended with status $?"
}

make -s O="$out" epoll "$out/programs/load"
cache_lock programs
log=$out/programs/log
: >"$log"
for program in "${programs[@]}"; do
	log "running $program on $kernel"
	run_program "$program" 9>&- | tee -a "$log" | grep -av '^row' || true
done
awk -v goal="${GOAL:-1.01}" -v goal_fast="${GOAL_FAST:-0.97}" -f tests/programs/table.awk "$log"
