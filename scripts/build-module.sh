#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# build-module.sh KDIR OUT: builds the module against the kernel headers in KDIR, by the
# compiler that KDIR/.toolchain names (tests/vm/suite.sh) or else this machine's, clang if
# the kernel is clang's, and prints the path of kevent.ko. Sources are mirrored to
# OUT/module/RELEASE and built there, so that the tree stays clean and several kernels can
# have theirs at once; old kbuild has no MO=. W= and C= of the environment are kbuild's;
# with KEVENT_KCOV=1 the kernel's coverage sees the module, with KEVENT_DEBUG_DELAYS=1 it
# has the delays of module/delay.h, with KEVENT_NO_FTRACE=1 it does as where the kernel's
# ftrace can't redirect: each in a directory of its own.

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
# kbuild has its own ideas about O= and the like on a command line.
unset MAKEFLAGS MFLAGS MAKELEVEL
kdir=$1
out=$(realpath -m -- "$2")

if [ ! -e "$kdir/include/config/kernel.release" ]; then
	echo "no kernel headers in $kdir: install linux-headers-$(uname -r), or give KDIR=" >&2
	exit 1
fi
if [ ! -e "$top/module/Kbuild" ]; then
	echo "no module/Kbuild" >&2
	exit 1
fi

sources() {
	cd "$top"
	find module include -type f ! -name '.*' ! -name '*.o' ! -name '*.ko' \
		! -name '*.mod' ! -name '*.mod.c' ! -name modules.order \
		! -name Module.symvers | LC_ALL=C sort
}

# Only what differs is copied, so that only what differs is built.
mirror() {
	local file

	sources >"$build/.sources.new"
	while read -r file; do
		cmp -s "$top/$file" "$build/$file" ||
			install -D -m 644 "$top/$file" "$build/$file"
	done <"$build/.sources.new"
	touch "$build/.sources"
	LC_ALL=C comm -23 "$build/.sources" "$build/.sources.new" |
		while read -r file; do rm -f "${build:?}/$file"; done
	mv "$build/.sources.new" "$build/.sources"
}

# Of all that the module is made of, and by.
inputs_sum() {
	{
		echo "$kdir"
		stat -c %Y "$kdir/include/config/auto.conf" "$kdir/Module.symvers"
		"${CC:-gcc}" --version
		(cd "$build" && xargs -d '\n' sha256sum <.sources)
	} 2>/dev/null | sha256sum
}

# 6.1 only: Debian's headers hold the upstream release there.
case $kdir in
*/linux-headers-*) release=${kdir##*/linux-headers-} ;;
*) release=$(cat "$kdir/include/config/kernel.release") ;;
esac

# shellcheck source=tests/vm/common.sh
. "$top/tests/vm/common.sh"
# shellcheck source=tests/vm/cross.sh
. "$top/tests/vm/cross.sh"
[[ $release != *-arm64 ]] || cross_use arm64
build=$out/module/$release${KEVENT_KCOV:+-kcov}${KEVENT_DEBUG_DELAYS:+-delays}
build+=${KEVENT_NO_FTRACE:+-noftrace}
mkdir -p "$build"
exec 8>"$build/.lock"
flock 8
mirror
# kbuild would look at each header, and run each trial compile, to find out that
# nothing has changed
sum=$(inputs_sum)
if [ -z "${W:-}${C:-}" ] && [ -e "$build/module/kevent.ko" ] &&
	[ "$(cat "$build/.built" 2>/dev/null)" = "$sum" ]; then
	echo "$build/module/kevent.ko"
	exit
fi
rm -f "$build/.built"
toolchain=() llvm=
if [ -e "$kdir/.toolchain" ]; then
	toolchain=("$top/tests/vm/inside.sh" "$(cat "$kdir/.toolchain")"
		"${kdir%/usr/src/*}" "$build" --)
	# a cross compiler is there, but by the name that kbuild knows
	[[ $release != *-arm64 ]] || toolchain=(env -u CC -u LD_LIBRARY_PATH "${toolchain[@]}")
elif grep -qsx CONFIG_CC_IS_CLANG=y "$kdir/include/config/auto.conf"; then
	# as dkms does
	llvm=1
fi
# Debian's headers of 7.x lack the script that tells kbuild that sparse is there.
"${toolchain[@]}" make -s -j"$(nproc)" -C "$kdir" M="$build/module" ${llvm:+LLVM=1} \
	${W:+W="$W"} ${C:+C="$C" KBUILD_CHECKSRC="$C"} \
	${KEVENT_NO_FTRACE:+KEVENT_NO_FTRACE=1} \
	${KEVENT_DEBUG_DELAYS:+KEVENT_DEBUG_DELAYS=1} modules >"$build/build.log" 2>&1 || {
	cat "$build/build.log" >&2
	exit 1
}
grep -v 'Skipping BTF\|^make' "$build/build.log" >&2 || true
echo "$sum" >"$build/.built"
echo "$build/module/kevent.ko"
