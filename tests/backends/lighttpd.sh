#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# lighttpd.sh DIR: in the machine, runs lighttpd's own tests on epoll and on kevent. DIR is
# where they are. Prints, for run.sh:
#   test lighttpd BACKEND FILE:NUMBER ok|skip|fail
#
# shellcheck shell=dash

cd "$1" || exit
export srcdir=. top_builddir=..

for backend in epoll kevent; do
	./prepare.sh >/dev/null
	# each configuration includes it
	echo "server.event-handler = \"$backend\"" >tmp/bind-backend.conf
	for file in *.t; do
		perl "./$file" 2>&1 | awk -v name="$file" -v backend="$backend" '
			match($0, /^(not )?ok [0-9]+/) {
				split(substr($0, 1, RLENGTH), words, "ok ")
				status = /^not/ ? "fail" : /# skip/ ? "skip" : "ok"
				print "test lighttpd", backend, name ":" words[2], status
				next
			}
			{ print }'
	done
done
