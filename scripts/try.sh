#!/bin/bash
# SPDX-License-Identifier: GPL-2.0

usage() {
	cat <<'END'
usage: scripts/try.sh PROGRAM [ARG...]

Runs a program of your own in a virtual machine, as root, with the module loaded:
"make try PROG='./a.out ARG...'". It is at the same path there, with the shared
libraries that it needs, and in the same directory, which is otherwise empty. A
program in Python has the standard library. There is no network but loopback, and
no standard input.

environment:
  KERNEL    the kernel (6.12): see tests/vm/run.sh --help
  FILES     more files and directories that the program needs, at their paths
  TIMEOUT   the program is ended after this number of seconds (300)

exit status: the program's; 124: it took too long; 125: the machine or the module
could not be started; 126: the kernel's log shows a bug.
END
}

set -euo pipefail

if [ $# = 0 ]; then
	usage >&2
	exit 125
fi
case $1 in
-h | --help) usage; exit ;;
esac

top=$(cd "$(dirname "$0")/.." && pwd)
program=$(realpath -s -- "$1")
shift
if [ ! -f "$program" ] || [ ! -x "$program" ]; then
	echo "$program: not a program" >&2
	exit 125
fi
options=(--kernel "${KERNEL:-6.12}" --timeout "${TIMEOUT:-300}" --add "$program")
command=("$program")
case $(head -c 64 "$program" | head -n 1 | tr -d '\0') in
'#!'*python*)
	options+=(--python)
	command=(/usr/bin/python3 "$program")
	;;
esac
for file in ${FILES:-}; do
	options+=(--add "$file")
done
O=$(realpath -m -- "${O:-$top/build}") exec "$top/tests/vm/run.sh" "${options[@]}" -- \
	"${command[@]}" "$@"
