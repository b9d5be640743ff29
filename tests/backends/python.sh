#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# python.sh DIR ROOT MODULE...: in the machine, runs test modules of CPython on epoll and
# on kevent, and our own. DIR is the source tree, ROOT what was unpacked of Debian's packages.
#
# shellcheck shell=dash

dir=$1 root=$2
shift 2
export PYTHONHOME="$root/usr" PYTHONPATH="$dir/contrib/python"
export LD_LIBRARY_PATH="$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu"

run() { "$root/usr/bin/python3.11" -W ignore "$dir/tests/backends/python.py" "$@" 2>&1; }

run kevent selector
for module; do
	run epoll "$module"
	run kevent "$module"
done
