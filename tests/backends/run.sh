#!/bin/bash
# SPDX-License-Identifier: GPL-2.0

usage() {
	cat <<'END'
usage: tests/backends/run.sh [--kernel K] [WHAT...]

Runs, in a virtual machine, the tests of programs that have a backend for kevent in contrib/,
on epoll and on kevent:

  python    CPython's tests of selectors and of the event loops of asyncio
  libevent  libevent's regression tests, without and with the changelist
  bench     libevent's benchmarks
  lighttpd  lighttpd's tests, also on its own backend for kqueue, with libkevent-kqueue
  files     files that lighttpd sends

All without WHAT. What is tested is Debian's: packages and sources are fetched, and what is
needed for building is installed (as root; others are told). A test that fails on epoll as
well says nothing about kevent: it is named, and not counted. The machine's time is the
number of its instructions, so nothing depends on how busy the host is.

exit status: 0 if no test failed or was skipped on kevent alone; in instructions, files cost
at most 1.01 (GOAL=), and libevent's benchmarks 0.97 (GOAL_BENCH=), of what they cost on epoll.
END
}

set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
# shellcheck source=tests/vm/common.sh
. tests/vm/common.sh
# shellcheck source=tests/programs/packages.sh
. tests/programs/packages.sh
# shellcheck source=tests/backends/source.sh
. tests/backends/source.sh
out=$(realpath -m "${O:-build}")/backends
kernel=${KERNEL:-6.12}
declare -a what=()

while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=$2; shift ;;
	-h | --help) usage; exit ;;
	python | libevent | bench | lighttpd | files) what+=("$1") ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done
[ ${#what[@]} -gt 0 ] || what=(python libevent bench lighttpd files)

# run_vm OPTION... -- COMMAND...
run_vm() {
	tests/vm/run.sh --kernel "$kernel" --icount --timeout 3000 --add tests/backends "$@" \
		9>&- 2>&1 ||
		echo "bad: the machine ended with status $?"
}

# --- Python ------------------------------------------------------------------------

python_modules=(test.test_selectors)
for name in events sock_lowlevel sendfile unix_events selector_events server streams \
	buffered_proto; do
	python_modules+=("test.test_asyncio.test_$name")
done

run_python() {
	local root=$cache/programs/cpython

	LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu \
		run_vm --add "$root" --add contrib/python \
		-- "$top/tests/backends/python.sh" "$top" "$root" "${python_modules[@]}"
}

# --- libevent -----------------------------------------------------------------------

# run_libevent test|bench
run_libevent() {
	local program
	local -a add=()

	for program in regress bench bench_cascade \
		test-{init,eof,closed,weof,time,changelist,fdleak,dumpevents}; do
		add+=(--add "$out/libevent/test/$program")
	done
	run_vm "${add[@]}" -- "$top/tests/backends/libevent.sh" "$out/libevent/test" "$1"
}

# --- lighttpd -----------------------------------------------------------------------

run_lighttpd() {
	local dir=$out/lighttpd file
	local -a add=()

	make -s -C "$dir/tests" fcgi-responder scgi-responder >&2 || die "lighttpd's tests do not build"
	for file in "$dir"/src/{lighttpd,.libs/*.so} "$dir/tests" /usr/bin/{perl,env} \
		/usr/share/perl /usr/lib/x86_64-linux-gnu/perl{,-base}; do
		add+=(--add "$file")
	done
	run_vm "${add[@]}" -- "$top/tests/backends/lighttpd.sh" "$dir/tests"
}

# What it costs is a table of its own.
run_files() {
	local dir=$out/lighttpd file
	local -a add=()

	for file in "$dir"/src/{lighttpd,.libs/*.so} "$out/../programs/load" tests/programs/measure.sh; do
		add+=(--add "$file")
	done
	run_vm "${add[@]}" -- "$top/tests/backends/files.sh" "$dir" "$out/../programs/load"
}

# --- All of it ----------------------------------------------------------------------

wants() { [[ " ${what[*]} " == *" $1 "* ]]; }

cache_lock backends
mkdir -p "$out"
if wants python; then
	unpack cpython python3.11-minimal libpython3.11-stdlib libpython3.11-minimal \
		libpython3.11-testsuite || die "Python's packages can not be had"
fi
builds=()
! { wants libevent || wants bench; } || builds+=(libevent)
! { wants lighttpd || wants files; } || builds+=(lighttpd)
! wants files || make -s O="${out%/*}" "${out%/*}/programs/load"
if [ ${#builds[@]} -gt 0 ]; then
	source_lists
	source_needs autoconf automake dpkg-dev libpcre2-dev libssl-dev libtool patch perl zlib1g-dev
fi
for name in "${builds[@]}"; do
	case $name in
	lighttpd)
		make -s O="${out%/*}" kqueue
		source_build lighttpd src LIBS="${out%/*}/lib/kqueue/libkevent-kqueue.a -pthread" \
			CPPFLAGS="-I$top/include -I$top/include/uapi -I$top/include/kevent-kqueue"
		;;
	libevent) source_build libevent . --disable-shared --disable-samples ;;
	esac
done

for name in "${what[@]}"; do
	log "running $name on $kernel"
	case $name in
	python) run_python ;;
	libevent) run_libevent test ;;
	bench) run_libevent bench ;;
	lighttpd) run_lighttpd ;;
	files) run_files ;;
	esac >"$out/log-$name"
done
status=0 logs=()
for name in "${what[@]}"; do
	[ "$name" = files ] || logs+=("$out/log-$name")
done
! wants files || awk -v goal="${GOAL:-1.01}" -f tests/programs/table.awk "$out/log-files" || status=1
[ ${#logs[@]} = 0 ] ||
	cat "${logs[@]}" | tr -d '\r' |
		awk -v goal="${GOAL_BENCH:-0.97}" -f tests/backends/table.awk || status=1
exit $status
