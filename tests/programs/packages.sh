# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # shared with common.sh
#
# Sourced, after tests/vm/common.sh: programs of Debian's packages, unpacked in the cache.

# These packages, and the libraries that they need; the C library is the host's.
closure() {
	LC_ALL=C apt-cache "${apt_options[@]}" depends --recurse --no-recommends --no-suggests \
		--no-conflicts --no-breaks --no-replaces --no-enhances "$@" |
		awk -v wanted="$*" '
			/^[^ ]/ { from = $1; next }
			/Depends:/ && $2 ~ /^lib/ { needs[from] = needs[from] " " $2 }
			END {
				n = split(wanted, todo, " ")
				for (i = 1; i <= n; i++) {
					if (seen[todo[i]]++)
						continue
					print todo[i]
					m = split(needs[todo[i]], names, " ")
					for (k = 1; k <= m; k++)
						todo[++n] = names[k]
				}
			}' |
		grep -vE '^(libc6|libc-bin|libgcc-s1|libcrypt1|libnginx-mod-.*)$' | sort
}

# Their names and versions.
versions() {
	LC_ALL=C apt-cache "${apt_options[@]}" policy "$@" |
		awk '/^[^ ]/ { name = $1 } $1 == "Candidate:" { print name, $2 }'
}

# unpack NAME PACKAGE...: into programs/NAME of the cache, never installed; again if apt
# knows another version.
unpack() {
	local program=$1 list dir deb
	local -a names
	# what is installed here may be somebody else's, and newer
	local -a apt_options=("${apt_options[@]}" -o Dir::State::status=/dev/null)
	shift

	mapfile -t names < <(closure "$@")
	list=$(versions "${names[@]}")
	dir=$cache/programs/$program
	[ "$(cat "$dir/.packages" 2>/dev/null)" != "$list" ] || return 0
	log "fetching ${#names[@]} packages for $program"
	rm -rf "$dir" "$dir.deb"
	mkdir -p "$dir" "$dir.deb"
	packages_fetch "$dir.deb" "${names[@]}" || return 1
	for deb in "$dir.deb"/*.deb; do
		dpkg-deb -x "$deb" "$dir" || return 1
	done
	rm -rf "$dir.deb" "$dir"/usr/share/{doc,man,locale,lintian}
	# links to what other packages have: they can't be copied
	find "$dir" -xtype l -delete
	echo "$list" >"$dir/.packages"
}
