# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by the scripts beside it: where things are kept, and packages.

cache=${KEVENT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kevent}

log() { echo "${0##*/}: $*" >&2; }

die() {
	log "$*"
	exit 125
}

# Held until the script ends. What it starts in the background must not
# inherit it: close fd 9 there.
cache_lock() {
	mkdir -p "$cache"
	exec 9>"$cache/.lock-$1"
	flock 9
}

# cross.sh and suite.sh add to them.
apt_options=()

# root must not drop to _apt, which cannot write into the cache.
apt_get() { apt-get -qq "${apt_options[@]}" -o APT::Sandbox::User="$(id -un)" "$@"; }

# The newest versions apt knows: NAME VERSION, a line for each that it does.
package_candidates() {
	LC_ALL=C apt-cache "${apt_options[@]}" policy "$@" 2>/dev/null |
		awk '/^[^ ]/ { name = substr($1, 1, length($1) - 1) }
		$1 == "Candidate:" && $2 != "(none)" { print name, $2 }'
}

# The version only, or nothing.
package_candidate() { package_candidates "$1" | cut -d ' ' -f 2; }

# Names of the package's dependencies, first alternative only.
package_depends() {
	apt-cache "${apt_options[@]}" --no-all-versions show "$1" |
		sed -n 's/^Depends: //p' | tr ',' '\n' | awk '{ print $1 }'
}

# Fetches packages into a directory, which must be empty. A mirror that has
# moved on answers 404 until the lists are read again; only root can do that.
packages_fetch() {
	local dir=$1
	shift

	if ! (cd "$dir" && apt_get download "$@") >&2; then
		[ "$(id -u)" = 0 ] || return 1
		(apt_get update && cd "$dir" && apt_get download "$@") >&2
	fi
}
