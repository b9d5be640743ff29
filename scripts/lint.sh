#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lint.sh: checkpatch --strict, sparse and W=1 on the module for every series of kernels
# that is supported, a real-time one and one of arm64 among them (check-builds.sh has
# all), kernel-doc on it and on the interface, cppcheck on user space, mandoc, shellcheck,
# codespell.
# Prints what they complain of, a line for each, and at last "N passed, N failed".

set -uo pipefail

cd "$(dirname "$0")/.." || exit 1
# shellcheck source=scripts/files.sh
. scripts/files.sh
out=${O:-build}/lint
store=${KEVENT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kevent}/scripts
passed=0 failed=0
exec 3>&2
mkdir -p "$out"

# checkpatch and kernel-doc come with the kernel's source alone.
fetch_scripts() (
	set -e
	package=linux-source-6.12
	# shellcheck source=tests/vm/common.sh
	. tests/vm/common.sh
	[ ! -e "$store/checkpatch.pl" ] || exit 0
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	echo "fetching $package"
	packages_fetch "$dir" "$package"
	dpkg-deb --fsys-tarfile "$dir"/*.deb |
		tar -xO "./usr/src/$package.tar.xz" |
		tar -xJ -C "$dir" --strip-components=1 "$package/scripts"
	rm -rf "$store.new"
	mkdir -p "$store.new"
	cp "$dir"/scripts/{checkpatch.pl,spelling.txt,const_structs.checkpatch,kernel-doc} \
		"$store.new"
	rm -rf "$store"
	mv "$store.new" "$store"
)

# A checker is clean if it prints nothing.
check() {
	local name=$1
	shift

	"$@" >"$out/$name.log" 2>&1
	if [ -s "$out/$name.log" ]; then
		cat "$out/$name.log"
		echo "$name: FAILED"
		failed=$((failed + 1))
	else
		echo "$name: passed"
		passed=$((passed + 1))
	fi
}

module_sources() { tree_files | grep '^module/.*\.[chS]$'; }

# The trial compiles are for a compiler only.
run_checkpatch() {
	module_sources | grep -v '/probe/' |
		xargs "$store/checkpatch.pl" -f --terse 2>&1 |
		grep -v '^total: 0 errors, 0 warnings, 0 checks'
}

# Each set of answers of the probes, in less than five minutes on two cores. What
# check-builds.sh leaves out is no complaint.
run_builds() { scripts/check-builds.sh 6.1 6.12 6.12-rt --if-there 6.12-arm64 7.2 7.3 2>&3; }

# As where ftrace can't redirect.
run_noftrace() {
	local KDIR

	eval "$(tests/vm/kernel.sh --headers "${KERNEL:-6.12}" 2>/dev/null | grep ^KDIR)"
	rm -rf "$out/module"
	KEVENT_NO_FTRACE=1 W=1 C=1 scripts/build-module.sh "$KDIR" "$out" \
		>"$out/noftrace.out" 2>&1 || tail -5 "$out/noftrace.out"
	grep -E 'warning|error' "$out/noftrace.out"
}

run_kernel_doc() {
	{
		echo include/uapi/linux/kevent.h
		echo include/kevent.h
		module_sources | grep -v '/probe/\|\.S$'
	} | xargs "$store/kernel-doc" -none 2>&1
}

run_cppcheck() {
	cppcheck -q --std=c11 --enable=warning,portability --inline-suppr \
		--suppress=missingIncludeSystem --suppress=varFuncNullUB \
		-D_GNU_SOURCE -D__x86_64__ -Iinclude/uapi -Iinclude bench examples lib tools 2>&1
}

run_shellcheck() {
	tree_files | grep -E '\.(sh|preinst|postinst|prerm)$|^(\.ci/run|udev/kernel-hook|debian/tests/smoke|packaging/(PKGBUILD|kevent-dkms.install))$' |
		xargs shellcheck -x
}

run_mandoc() { mandoc -Tlint man/*.[1-9] 2>&1; }

run_codespell() { tree_files | grep -v '^LICENSE' | xargs codespell -L inout,te,bu; }

# not on the left of ||: set -e would not hold in it
fetch_scripts
[ -e "$store/checkpatch.pl" ] || { echo '0 passed, 1 failed'; exit 1; }
check checkpatch run_checkpatch
check builds run_builds
check noftrace run_noftrace
check kernel-doc run_kernel_doc
check cppcheck run_cppcheck
check shellcheck run_shellcheck
check mandoc run_mandoc
check codespell run_codespell
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
