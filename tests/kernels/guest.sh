#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kevent-check: run by systemd in the machine that tests/kernels/run.sh boots. Nobody
# has loaded the module or touched the device.

say() { echo "kevent-check: $*"; }
as_user=(setpriv --reuid user --regid user --init-groups env HOME=/home/user)

uname -r | sed 's/^/kevent-check: kernel /'
[ ! -d /sys/module/kevent ] || say loaded ok
[ "$(stat -c '%a %U %G' /dev/kevent)" != '666 root root' ] || say mode ok

# As the documents say that one starts.
cd /home/user || exit 1
if "${as_user[@]}" cc -O2 -Wall -o echo /usr/share/doc/libkevent-dev/examples/echo.c; then
	say example ok
fi
if "${as_user[@]}" cc -O2 -Wall -o run /usr/share/doc/libkevent-dev/examples/run.c &&
	[ "$("${as_user[@]}" ./run 60 'echo one; exit 3')" = $'one\nstatus 3' ] &&
	[ "$("${as_user[@]}" ./run 1 'sleep 1000')" = 'signal 9' ]; then
	say readme ok
fi

# Does it send back what it gets?
echoes() {
	local line

	exec 3<>/dev/tcp/127.0.0.1/7777 || return 1
	echo "$1" >&3
	read -r -t 60 line <&3
	exec 3>&-
	[ "$line" = "$1" ]
}

ip link set lo up 2>/dev/null
"${as_user[@]}" ./echo &
for _ in 1 2 3 4 5 6 7 8 9 10; do
	sleep 1
	! echoes one 2>/dev/null || break
done
echoes two && echoes three && say echo ok
kill %1 && wait

# A program that knows epoll only: what it has then is a queue.
cat >wait.c <<'END'
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

int main(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int ep = epoll_create1(0), fds[2];
	char name[64], file[64] = "";

	snprintf(name, sizeof(name), "/proc/self/fd/%d", ep);
	return pipe(fds) || epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &ev) || write(fds[1], "", 1) != 1 ||
	       epoll_wait(ep, &ev, 1, -1) != 1 || readlink(name, file, sizeof(file) - 1) < 0 ||
	       strcmp(file, "/dev/kevent");
}
END
if "${as_user[@]}" cc -o wait wait.c && "${as_user[@]}" kevent-epoll --require ./wait; then
	say dropin ok
fi

dmesg -c >/dev/null
mapfile -t names </vm/names
[ -z "${names[*]}" ] || {
	echo "#> boot ${#names[@]}"
	/vm/guest-runner.sh /vm/tests "${names[@]}"
	echo "#> vm 0"
}
