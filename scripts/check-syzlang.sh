#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-syzlang.sh: each constant, call, structure and field of the uapi header
# must be in the syzlang description of the device, outside its remarks, and
# each KEVENT_* of that must be in the header. What is used there must be
# defined there. Says what is missing, and ends with status 1.

set -euo pipefail

cd "$(dirname "$0")/.."
header=include/uapi/linux/kevent.h
syzlang=tests/fuzz/kevent.txt

code() { gcc -fpreprocessed -dD -E -P -x c "$1" 2>/dev/null; }
words() { grep -oE '[A-Za-z_][A-Za-z0-9_]*' | LC_ALL=C sort -u; }
described() { sed 's/#.*//' "$syzlang"; }

# Constants, and macros that make them; calls are constants, too.
constants() {
	code "$header" | grep -owE 'KEVENT_[A-Z0-9_]+' | LC_ALL=C sort -u
}

# What is between the braces of a struct: names before ; or [.
structures() {
	code "$header" | sed -nE 's/^struct ([a-z_]+) \{.*/\1/p'
	code "$header" |
		sed -nE 's/^[[:space:]]+[a-z_]+[a-z0-9_ ]* ([a-z_0-9]+)(\[[0-9]*\])?;.*/\1/p'
}

missing() {
	comm -23 <({ constants; structures; } | grep -v '^_' | LC_ALL=C sort -u) \
		<(described | words) | sed "s|^|$syzlang: no |"
}

# Numbers for calls have to be used as such.
calls() {
	local name

	for name in $(code "$header" | sed -nE 's/^#define (KEVENT_IOC_[A-Z_]+) .*_IO.*/\1/p'); do
		grep -q "^ioctl\$.* const\[$name\]" "$syzlang" ||
			echo "$syzlang: no call with $name"
	done
}

# KEVENT_* are from the header or defined here; what is used is defined, and the
# reverse.
strangers() {
	comm -23 <(described | sed 's/\$[A-Za-z_]*//g' |
			grep -owE 'KEVENT_[A-Z0-9_]+' | LC_ALL=C sort -u) \
		<({ constants; described | sed -nE 's/^define ([A-Z0-9_]+)\s.*/\1/p'; } |
			LC_ALL=C sort -u) | sed "s|^|$syzlang: not in $header: |"
}

types() {
	described | sed -E 's/\$[A-Za-z_]*//g; s/"[^"]*"//g; s/^(define|include) .*//'
}

unused() {
	local name

	for name in $(types | sed -nE 's/^(type |resource )?(u?kevent[a-z_]*)( =| \{| \[|\[).*/\2/p'); do
		[ "$(types | grep -ow "$name" | wc -l)" -gt 1 ] ||
			echo "$syzlang: never used: $name"
	done
	comm -23 <(types | grep -owE 'u?kevent[a-z_]*' | LC_ALL=C sort -u) \
		<(types | sed -nE 's/^(type |resource )?(u?kevent[a-z_]*)( =| \{| \[|\[).*/\2/p' |
			LC_ALL=C sort -u) | sed "s|^|$syzlang: not defined: |"
}

complaints=$(missing; calls; strangers; unused)
[ -z "$complaints" ] || { echo "$complaints" >&2; exit 1; }
