#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-lib.sh: what can be said of libkevent without a kernel. Its symbols are those
# that were promised, and those of the header; a program that was linked against an
# earlier one still starts; the header compiles as C and C++; programs build against
# what is installed; the programs in the manual pages compile. Ends with status 1, and
# says which, if not.

set -euo pipefail

cd "$(dirname "$0")/.."
out=$(realpath -m "${O:-build}")
lib=$out/lib
bad=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags=(-Wall -Wextra -Werror -Iinclude/uapi -Iinclude)

complain() {
	echo "$*" >&2
	bad=1
}

promised() { grep -v '^#' lib/libkevent.symbols; }

exported() {
	nm -D --defined-only --with-symbol-versions "$lib/libkevent.so" |
		awk '$2 == "T" { sub("@@", "@", $3); print $3 }' | LC_ALL=C sort
}

# What the header documents: functions that the library makes symbols, and prototypes.
declared() {
	sed -nE '/^static /d; s/^(KEVENT_API [^(]*|[a-z][^(]*[ *])\b(kevent_\w+)\(.*/\2/p' include/kevent.h |
		LC_ALL=C sort -u
}

symbols() {
	diff <(promised | LC_ALL=C sort) <(exported) >&2 ||
		complain "lib/libkevent.symbols is not what libkevent.so exports"
	diff <(declared) <(exported | sed 's/@.*//') >&2 ||
		complain "include/kevent.h does not declare what libkevent.so exports"
}

# A library that has the promised symbols and nothing else, a program that needs all of
# them, linked against that one; then the loader is to find them in the new one.
old_program() {
	local version

	promised | sed 's/\(.*\)@.*/void \1(void) {}/' >"$work/old.c"
	for version in $(promised | sed 's/.*@//' | sort -u); do
		echo "$version { global:"
		promised | sed -n "s/@$version\$/;/p"
		echo "};"
	done >"$work/old.map"
	{
		promised | sed 's/\(.*\)@.*/void \1(void);/'
		echo 'void (*volatile all[])(void) = {'
		promised | sed 's/@.*/,/'
		echo '}; int main(void) { return !all[0]; }'
	} >"$work/program.c"
	gcc -shared -fPIC -Wl,-soname,libkevent.so.0 -Wl,--version-script="$work/old.map" \
		-o "$work/libkevent.so" "$work/old.c"
	gcc -o "$work/program" "$work/program.c" -L"$work" -lkevent
	LD_BIND_NOW=1 LD_LIBRARY_PATH=$lib "$work/program" ||
		complain "a program that was linked against an older libkevent does not start"
}

# A structure of the interface gets longer: whoever does that is stopped, and a program
# that has the short one is not written beyond it, whatever its fd.
longer() {
	local said

	sed 's/^\t__u64 queue_watches;$/&\n\t__u64 more[8];/' include/uapi/linux/kevent.h |
		install -D /dev/stdin "$work/longer/linux/kevent.h"
	said=$(gcc -I"$work/longer" "${flags[@]}" -fsyntax-only lib/calls.c 2>&1) || true
	[[ $said == *'longer: see libkevent.map'* ]] ||
		complain "lib/calls.c does not notice that struct kevent_ioc_info is longer"
	sed 's/^\tsize_t user_len;$/&\n\tint more;/' include/kevent.h >"$work/longer/kevent.h"
	said=$(gcc -I"$work/longer" -Iinclude/uapi -fsyntax-only lib/calls.c 2>&1) || true
	[[ $said == *'fixed: see libkevent.map'* ]] ||
		complain "lib/calls.c does not notice that struct kevent_ring is longer"
	rm "$work/longer/kevent.h"
	cat >"$work/short.c" <<-'END'
		#include <kevent.h>
		int info(int fd, struct kevent_ioc_info *info) __asm__("kevent_info");
		int main(void)
		{
			struct kevent_ioc_info info_of[2];
			const unsigned char *p = (void *)&info_of[1];
			size_t i;

			memset(info_of, 0x55, sizeof(info_of));
			info(-1, info_of);
			for (i = 0; i < sizeof(*info_of) && p[i] == 0x55; i++)
				;
			return i != sizeof(*info_of) || info_of[0].size != sizeof(*info_of);
		}
	END
	gcc -D'_Static_assert(...)=' -I"$work/longer" "${flags[@]}" -c -o "$work/longer.o" lib/calls.c
	gcc "${flags[@]}" -o "$work/short" "$work/short.c" "$work/longer.o"
	"$work/short" || complain "kevent_info() writes beyond an older struct kevent_ioc_info"
}

header() {
	local standard

	for standard in c99 c11 gnu99 gnu17; do
		gcc -std=$standard -D_POSIX_C_SOURCE=200809L "${flags[@]}" -fsyntax-only \
			-x c include/kevent.h || complain "include/kevent.h: -std=$standard"
	done
	for standard in c++11 c++17 gnu++20; do
		g++ -std=$standard "${flags[@]}" -Wno-unused-function -fsyntax-only \
			-x c++ include/kevent.h || complain "include/kevent.h: -std=$standard"
	done
}

# What somebody else's project does.
installed() {
	local config name linked
	local -a options

	make -s --no-print-directory O="$out" PREFIX=/opt/kevent DESTDIR="$work/root" \
		install-headers install-lib
	cat >"$work/user.cc" <<-'END'
		#include <kevent.h>
		#include <stdio.h>
		int main() { struct ukevent uk; kevent_prep(&uk, KEVENT_PIPE, 0, 0, 0, 0);
		return puts(kevent_strerror(KEVENT_CTL_ADD, uk.type, EEXIST)) < 0; }
	END
	ln -s user.cc "$work/user.c"
	export PKG_CONFIG_PATH=$work/root/opt/kevent/lib/pkgconfig
	config="pkg-config --define-prefix libkevent"
	[ "$($config --modversion)" = "$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)" ] ||
		complain "pkg-config has another version than dkms.conf"
	read -ra options <<<"$($config --cflags --libs)"
	for name in c cc; do
		gcc -x "${name/cc/c++}" -o "$work/shared.$name" "$work/user.$name" -x none "${options[@]}"
		gcc -x "${name/cc/c++}" -static -o "$work/static.$name" "$work/user.$name" \
			-x none "${options[@]}"
		for linked in shared static; do
			LD_LIBRARY_PATH=$work/root/opt/kevent/lib "$work/$linked.$name" |
				grep -q 'watches it already' ||
				complain "$linked.$name, built against what is installed, does not run"
		done
	done
	pages
	PREFIX=/opt/kevent DESTDIR=$work/root scripts/install.sh uninstall
	[ -z "$(find "$work/root" ! -type d)" ] || complain "uninstall leaves files behind"
}

# Each function has a page under its name, and each page a program.
pages() {
	local name page

	for name in $(declared); do
		[ -e "$work/root/opt/kevent/share/man/man3/$name.3" ] ||
			complain "no manual page for $name()"
	done
	for page in man/*kevent*.[347]; do
		scripts/man-example.sh "$page" >"$work/example.c"
		grep -q '^int main' "$work/example.c" || complain "$page: no example"
		gcc "${flags[@]}" -O2 -fsyntax-only "$work/example.c" ||
			complain "$page: its example does not compile"
	done
}

# Each error of an entry that the interface lists has a text.
texts() {
	local error

	while read -r error; do
		sed -n '/change_texts\[\]/,/^};/p' lib/strerror.c | grep -q "\b$error," ||
			complain "lib/strerror.c: no text for $error of an entry"
	done < <(sed -nE '/Errors of entries:/,/\*\//s/^ \*\t(E[A-Z0-9]+)\b.*/\1/p' \
		include/uapi/linux/kevent.h)
}

# Nothing but the C library.
needed() {
	local others

	others=$(objdump -p "$lib/libkevent.so" | awk '$1 == "NEEDED" && $2 != "libc.so.6" { print $2 }')
	[ -z "$others" ] || complain "libkevent.so needs $others"
}

kqueue_symbols() {
	sed -n '/^global:/,/^local:/s/^\t\(\w*\);$/\1/p' lib/kqueue/libkevent-kqueue.map |
		diff - <(nm -D --defined-only "$lib/kqueue/libkevent-kqueue.so" |
			awk '$2 == "T" { sub("@.*", "", $3); print $3 }' | LC_ALL=C sort) >&2 ||
		complain "libkevent-kqueue.map is not what libkevent-kqueue.so exports"
}

# As for the other one: somebody else's program, from what is installed.
kqueue_installed() {
	local root=$work/kqueue name linked
	local -a options

	make -s --no-print-directory -C lib/kqueue BUILD="$lib/kqueue" PREFIX=/opt/kqueue \
		DESTDIR="$root" install
	scripts/man-example.sh man/kqueue.3 >"$work/kqueue.c"
	ln -s kqueue.c "$work/kqueue.cc"
	read -ra options <<<"$(PKG_CONFIG_PATH=$root/opt/kqueue/lib/pkgconfig pkg-config \
		--define-prefix --cflags --libs libkevent-kqueue)"
	for name in c cc; do
		for linked in shared static; do
			gcc -Wall -Wextra -Werror "-${linked/shared/g}" -x "${name/cc/c++}" \
				-o "$work/kqueue.$linked" "$work/kqueue.$name" -x none \
				"${options[@]}" || complain "the example of kqueue.3: $name, $linked"
		done
	done
	# it ends by itself, with or without the device
	LD_LIBRARY_PATH=$root/opt/kqueue/lib "$work/kqueue.shared" </dev/null >/dev/null ||
		[ $? = 1 ] || complain "the example of kqueue.3 does not start"
	make -s --no-print-directory -C lib/kqueue BUILD="$lib/kqueue" PREFIX=/opt/kqueue \
		DESTDIR="$root" uninstall
	[ -z "$(find "$root" ! -type d)" ] || complain "lib/kqueue: uninstall leaves files behind"
}

# Its thread-local variables: for all that is loaded by dlopen(3) glibc has some 1600 bytes.
kqueue_tls() {
	local size

	size=$(readelf -lW "$lib/kqueue/libkevent-kqueue.so" | awk '$1 == "TLS" { print $6 }')
	[ $((size)) -le 400 ] || complain "libkevent-kqueue.so has $((size)) bytes of static TLS"
}

# What the epoll drop-in may have from the C library, beside what the compiler adds: nothing
# that programs define themselves, and nothing that musl has not, unless it is weak.
epoll_needs() {
	nm -D --undefined-only "$1" | sed 's/@.*//; s/^ *//' | grep -vxE \
		-e 'w (_ITM_.*|__cxa_finalize|__gmon_start__)' -e 'v __libc_single_threaded' \
		-e 'U (__errno_location|__progname|program_invocation_short_name|__stack_chk_fail)' \
		-e 'U (dlsym|getenv|getpid|madvise|mmap|munmap|mem(cpy|set))' \
		-e 'U (pthread_(setcanceltype|testcancel)|snprintf|strcspn|strerror)'
}

# The same: what is installed, and that the flags of a package build reach all of it.
epoll_installed() {
	local root=$work/epoll file needs

	make -s --no-print-directory -C lib/epoll BUILD="$work/epoll-build" PREFIX=/opt/epoll \
		DESTDIR="$root" CPPFLAGS='-D_FORTIFY_SOURCE=2 -frecord-gcc-switches' LDFLAGS=-Wl,-z,relro,-z,now,--build-id=0x12345678 \
		install >"$work/epoll.log" || complain "lib/epoll: install fails"
	diff - <(cd "$root/opt/epoll" && find . -type f -printf '%m %P\n' | LC_ALL=C sort) >&2 <<-'END' ||
		644 lib/kevent/libkevent-epoll-fast.so
		644 lib/kevent/libkevent-epoll.so
		644 share/man/man1/kevent-epoll.1
		755 bin/kevent-epoll
	END
		complain "lib/epoll: other files are installed"
	for file in bin/kevent-epoll lib/kevent/libkevent-epoll{,-fast}.so; do
		file=$root/opt/epoll/$file
		readelf -n "$file" | grep -q 'Build ID: 12345678$' || complain "$file: without LDFLAGS"
		readelf -SW "$file" | grep -q ' \.GCC\.command\.line ' || complain "$file: without CPPFLAGS"
		[[ $file != *.so ]] || ! needs=$(epoll_needs "$file") || complain "$file needs $needs"
	done
	make -s --no-print-directory -C lib/epoll BUILD="$work/epoll-build" PREFIX=/opt/epoll \
		DESTDIR="$root" uninstall
	[ -z "$(find "$root" ! -type d)" ] || complain "lib/epoll: uninstall leaves files behind"
}

make --no-print-directory O="$out" lib kqueue
symbols
old_program
longer
header
needed
texts
installed
kqueue_symbols
kqueue_tls
kqueue_installed
[ "$(uname -m)" != x86_64 ] || epoll_installed
exit $bad
