#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# lighttpd.sh DIR: in the machine, runs lighttpd's own tests on epoll and on kevent. DIR is
# where they are. Prints, for run.sh:
#   test lighttpd|lighttpd-files|lighttpd-kqueue BACKEND FILE:NUMBER ok|skip|fail
# lighttpd-files: with transfers of kevent instead of sendfile(2). lighttpd-kqueue: by the
# backend that lighttpd has for the BSDs, as it is, on libkevent-kqueue.
#
# shellcheck shell=dash

cd "$1" || exit
export srcdir=. top_builddir=..

# run SUITES BACKEND
run() {
	for file in *.t; do
		perl "./$file" 2>&1 | awk -v name="$file" -v suites="$1" -v backend="$2" '
			match($0, /^(not )?ok [0-9]+/) {
				split(substr($0, 1, RLENGTH), words, "ok ")
				status = /^not/ ? "fail" : /# skip/ ? "skip" : "ok"
				num = split(suites, suite, " ")
				for (i = 1; i <= num; i++)
					print "test", suite[i], backend, name ":" words[2], status
				next
			}
			{ print }'
	done
}

# configure HANDLER BACKEND
configure() {
	./prepare.sh >/dev/null
	# each configuration includes it
	printf 'server.event-handler = "%s"\nserver.network-backend = "%s"\n' "$1" "$2" \
		>tmp/bind-backend.conf
}

configure epoll sendfile
run "lighttpd lighttpd-files lighttpd-kqueue" epoll
configure kevent sendfile
run lighttpd kevent
configure kevent kevent
run lighttpd-files kevent
configure kqueue sendfile
run lighttpd-kqueue kevent
