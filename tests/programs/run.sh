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
epoll's instructions (GOAL=).

  KEVENT_PROGRAMS_SCALE=N   so many times as many requests
END
}

set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
# shellcheck source=tests/vm/common.sh
. tests/vm/common.sh
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
	node) echo nodejs ;;
	*) die "no program $1" ;;
	esac
}

# Those packages, and the libraries that they need; the C library is the host's.
closure() {
	LC_ALL=C apt-cache depends --recurse --no-recommends --no-suggests \
		--no-conflicts --no-breaks --no-replaces --no-enhances "$@" |
		awk -v wanted="$*" '
			/^[^ ]/ { from = $1; next }
			/Depends:/ && $2 ~ /^lib/ { needs[from] = needs[from] " " $2 }
			END {
				n = split(wanted, todo, " ")
				for (i = 1; i <= n; i++) {
					if (seen[todo[i]]++)
						continue
					print todo[i]
					m = split(needs[todo[i]], names, " ")
					for (k = 1; k <= m; k++)
						todo[++n] = names[k]
				}
			}' |
		grep -vE '^(libc6|libc-bin|libgcc-s1|libcrypt1|libnginx-mod-.*)$' | sort
}

# Their names and versions.
versions() {
	LC_ALL=C apt-cache policy "$@" |
		awk '/^[^ ]/ { name = $1 } $1 == "Candidate:" { print name, $2 }'
}

# Unpacked, never installed; again if apt knows another version.
unpack() {
	local program=$1 list dir deb
	local -a names

	read -ra names < <(packages_of "$program")
	mapfile -t names < <(closure "${names[@]}")
	list=$(versions "${names[@]}")
	dir=$cache/programs/$program
	[ "$(cat "$dir/.packages" 2>/dev/null)" != "$list" ] || return 0
	log "fetching ${#names[@]} packages for $program"
	rm -rf "$dir" "$dir.deb"
	mkdir -p "$dir" "$dir.deb"
	packages_fetch "$dir.deb" "${names[@]}" || return 1
	for deb in "$dir.deb"/*.deb; do
		dpkg-deb -x "$deb" "$dir" || return 1
	done
	rm -rf "$dir.deb" "$dir"/usr/share/{doc,man,locale,lintian}
	# links to what other packages have: they can't be copied
	find "$dir" -xtype l -delete
	echo "$list" >"$dir/.packages"
}

# --- The machine ------------------------------------------------------------------

# One for each program: a file system in memory has to hold it.
run_program() {
	local program=$1 root=$cache/programs/$1

	if ! unpack "$program"; then
		echo "bad $program: its packages can not be had"
		return
	fi
	LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu tests/vm/run.sh --kernel "$kernel" \
		--icount --timeout 1200 --add "$root" --add "$out/lib/epoll" \
		--add "$out/programs/load" --add tests/programs/guest.sh \
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
awk -v goal="${GOAL:-1.01}" -f tests/programs/table.awk "$log"
