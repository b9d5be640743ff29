#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A test of epoll, on the drop-in; with .fast at the end of the name on its --fast, and
# with .lost where the library is there and the device is not. It stands beside the
# program, NAME.kernel.

lib=${0%/*}/../../lib/epoll
name=${0%.fast}
name=${name%.lost}
case $0 in
*.lost)
	# shellcheck disable=SC2016 # expanded there
	exec unshare -m sh -c 'mount --bind /dev/null /dev/kevent || exit 1
		export LD_PRELOAD="$1"
		shift
		exec "$@"' sh "$lib/libkevent-epoll.so" "$name.kernel" "$@" 2>/dev/null
	;;
*.fast)
	export EPOLL_TEST_DROPIN=fast
	exec "$lib/kevent-epoll" --fast "$name.kernel" "$@"
	;;
*)
	export EPOLL_TEST_DROPIN=exact
	exec "$lib/kevent-epoll" "$name.kernel" "$@"
	;;
esac
