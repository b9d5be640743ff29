#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# files.sh DIR LOAD: in the machine, lighttpd sends files, on epoll with sendfile(2), and on
# kevent with its transfers. DIR is where lighttpd was built, LOAD is the program of
# tests/programs/load.c. Also: what it does without the device. Prints, for run.sh, the rows
# of tests/programs/guest.sh, and "bad ...".
#
# shellcheck shell=dash

dir=$1 load=$2 program=lighttpd protocol=http body=/var/www/4K
# shellcheck source=tests/programs/measure.sh
. "${0%/backends/*}/programs/measure.sh"
mkdir -p /var/www
head -c 4096 /dev/urandom >$body

# configure HANDLER BACKEND
configure() {
	cat >/tmp/lighttpd.conf <<-END
		server.document-root = "/var/www"
		server.port = $port
		server.bind = "127.0.0.1"
		server.max-fds = 4096
		server.max-keep-alive-requests = 100000000
		server.event-handler = "$1"
		server.network-backend = "$2"
	END
}

# lighttpd [BEFORE...]: becomes it
lighttpd() { exec "$@" "$dir/src/lighttpd" -D -m "$dir/src/.libs" -f /tmp/lighttpd.conf; }

# size NAME BYTES CONNECTIONS REQUESTS
size() {
	body=/var/www/$1
	[ -e "$body" ] || head -c "$2" /dev/urandom >"$body"
	phase "$1" "$3" "$4"
}

# on WHERE BACKEND
on() {
	where=$1 port=$((port + 1))
	configure "$1" "$2"
	lighttpd >/tmp/server.log 2>&1 &
	server=$!
	wait_for_port || return
	size 4K 4096 10 1000
	size 64K 65536 10 1000
	size 1M 1048576 10 200
	size 10M 10485760 4 40
	# so that no file ends in the call
	echo 4096 16384 16384 >/proc/sys/net/ipv4/tcp_wmem
	size 1M-narrow 1048576 10 60
	echo 4096 16384 4194304 >/proc/sys/net/ipv4/tcp_wmem
	stop
}

# says WHAT WORDS: it does not start, and says these words.
says() {
	if (lighttpd timeout 10) >/tmp/said 2>&1; then
		echo "bad lighttpd: starts $1"
	else
		grep -q "$2" /tmp/said || { echo "bad lighttpd, $1:"; cat /tmp/said; }
	fi
}

on epoll sendfile
on kevent kevent
configure epoll kevent
says "with files on kevent and events on epoll" 'needs server.event-handler'
mv /dev/kevent /dev/kevent.away
configure kevent kevent
says "without the device" '/dev/kevent'
mv /dev/kevent.away /dev/kevent
