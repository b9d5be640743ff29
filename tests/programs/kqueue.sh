#!/bin/bash
# SPDX-License-Identifier: GPL-2.0

usage() {
	cat <<'END'
usage: tests/programs/kqueue.sh [--kernel K]

Builds libevent from Debian's sources, as they are, with <sys/event.h> and
libkevent-kqueue, and runs its own tests on its kqueue backend alone, in a virtual
machine that counts instructions.

The last line is "N passed, N failed".
END
}

set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
# shellcheck source=tests/vm/common.sh
. tests/vm/common.sh
# shellcheck source=tests/vm/suite.sh
. tests/vm/suite.sh
out=$(realpath -m "${O:-build}")
kernel=${KERNEL:-6.12}

while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=$2; shift ;;
	-h | --help) usage; exit ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done

command -v dpkg-source >/dev/null || die "this takes the package dpkg-dev"
work=$out/programs/kqueue
library=$out/lib/kqueue/libkevent-kqueue.a

# --- Debian's sources ---------------------------------------------------------------

# apt with lists of its own: this machine's have no sources in them, perhaps.
source_lists() {
	local dir=$cache/apt/sources key=/usr/share/keyrings/debian-archive-keyring.gpg

	mkdir -p "$dir/lists/partial" "$dir/archives/partial"
	touch "$dir/status"
	# shellcheck source=/dev/null
	echo "deb-src [signed-by=$key] $(suite_mirror main) $(. /etc/os-release && echo "$VERSION_CODENAME") main" \
		>"$dir/sources.list"
	apt_options=(-o Dir::Etc::SourceList="$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null
		-o Dir::State::Lists="$dir/lists" -o Dir::Cache="$dir")
	[ -n "$(find "$dir/updated" -mtime -1 2>/dev/null)" ] || {
		apt_get update >&2 && touch "$dir/updated"
	}
}

# Unpacked into $work/NAME-src: without Debian's patches, which have the build system
# made anew.
source_unpack() {
	local name=$1 dir=$cache/programs/$1-source

	mkdir -p "$dir" "$work"
	(
		source_lists || log "the lists of sources could not be read"
		cd "$dir" && apt_get source --download-only "$name" >&2
	) || log "what there is of the sources of $name"
	rm -rf "${work:?}/$name-src"
	dpkg-source --no-check --skip-patches -x "$dir/$name"_*.dsc "$work/$name-src" >/dev/null
}

# --- Building -----------------------------------------------------------------------

configure() {
	local name=$1
	shift

	source_unpack "$name"
	rm -rf "${work:?}/$name"
	mkdir -p "$work/$name"
	(
		cd "$work/$name"
		"../$name-src/configure" -q --disable-dependency-tracking "$@" \
			LIBS="$library -pthread" CFLAGS='-O1 -w' >configure.log 2>&1
	)
}

# configure would run a kqueue to see if it works: there is none where this is built.
build_libevent() {
	local made=$work/libevent

	[ -e "$made/config.status" ] || configure libevent --disable-shared --disable-openssl \
		--disable-samples \
		CPPFLAGS="-I$top/include/kevent-kqueue -DEVENT__HAVE_WORKING_KQUEUE=1"
	rm -f "$made/test/regress"
	make -C "$made" -s include/event2/event-config.h libevent.la >"$made/make.log" 2>&1
	make -C "$made" -s test/regress >>"$made/make.log" 2>&1
}

# --- The machine --------------------------------------------------------------------

# FILE... -- COMMAND: libevent is told to have nothing but kqueue. Its tests of DNS want to
# know of a server.
guest() {
	local -a add=()

	while [ "$1" != -- ]; do
		add+=(--add "$1")
		shift
	done
	shift
	tests/vm/run.sh --kernel "$kernel" --icount --timeout 1500 "${add[@]}" -- \
		/bin/busybox env EVENT_NOEPOLL=1 EVENT_NOPOLL=1 EVENT_NOSELECT=1 \
		/bin/sh -c 'echo nameserver 127.0.0.1 >/etc/resolv.conf; exec "$@"' sh "$@" 2>&1 9>&- |
		tr -d '\r' || echo "bad: the machine ended with status $?"
}

# Its last line: "N tests ok.  (N skipped)" or "N/M TESTS FAILED. (N skipped)".
run_libevent() {
	local regress=$work/libevent/test/regress

	guest "$regress" -- "$regress" |
		awk '
			/ tests ok\.  \(/ { passed = $1 }
			/ TESTS FAILED\. / { split($1, n, "/"); failed = n[1]; passed = n[2] - n[1] }
			/FAIL|tests ok\.|^bad/ { print > "/dev/stderr" }
			END { print passed + 0, passed + failed ? failed + 0 : 1 }'
}

make -s O="$out" kqueue
cache_lock programs
log "building libevent"
build_libevent || die "libevent can not be built: see $work/libevent"
log "running its tests on $kernel"
read -r passed failed < <(run_libevent)
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
