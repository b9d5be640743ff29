# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # shared with common.sh and run.sh
#
# Sourced, after tests/vm/common.sh: sources of Debian's packages, with what is in contrib/.

# From here on apt has lists of its own, in which sources are, too.
source_lists() {
	local dir=$cache/apt/sources key=/usr/share/keyrings/debian-archive-keyring.gpg

	mkdir -p "$dir/lists/partial"
	# shellcheck disable=SC2016 # apt expands the format
	apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(CODENAME)' | sort -u |
		sed -n "s|^Debian \(.*\)|deb [signed-by=$key] \1 main|p" | sed 'p; s/^deb /deb-src /' >"$dir/list"
	apt_options=(-o "Dir::Etc::SourceList=$dir/list" -o Dir::Etc::SourceParts=/dev/null
		-o "Dir::State::Lists=$dir/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=)
	[ -n "$(find "$dir/updated" -mtime -1 2>/dev/null)" ] ||
		{ apt_get update >&2 && touch "$dir/updated"; } ||
		log "apt's lists could not be read"
}

# The packages are installed, as far as they are not.
source_needs() {
	apt_get -s --no-upgrade --no-install-recommends install "$@" | grep -q '^Inst' || return 0
	[ "$(id -u)" = 0 ] ||
		die "missing packages; run: sudo apt-get install --no-install-recommends $*"
	log "installing what building needs"
	DEBIAN_FRONTEND=noninteractive apt_get -y --no-upgrade --no-install-recommends --no-remove \
		install "$@" >/dev/null
}

# Unpacks the newest that apt knows to $out/NAME, and applies contrib/NAME/NAME.patch; unless
# that is there.
source_unpack() {
	local name=$1 dir=$out/$1 patch=contrib/$1/$1.patch version want

	version=$(apt-cache "${apt_options[@]}" showsrc --only-source "$name" |
		sed -n 's/^Version: //p' | sort -V | tail -1)
	want="$version $(sha256sum <"$patch")"
	[ "$(cat "$dir/.unpacked" 2>/dev/null)" != "$want" ] || return 0
	log "unpacking $name $version"
	rm -rf "$dir" "$dir.dsc"
	mkdir -p "$dir.dsc"
	(cd "$dir.dsc" && apt_get source --download-only "$name=$version") >&2
	dpkg-source --no-check --no-copy -x "$dir.dsc"/*.dsc "$dir" >&2	# apt has checked it
	patch -s -p1 -d "$dir" <"$patch"
	rm -rf "$dir.dsc"
	echo "$want" >"$dir/.unpacked"
}

# source_build NAME SUBDIRECTORY OPTION...: builds it with what is in contrib/NAME, which goes
# to SUBDIRECTORY, and with these options of configure.
source_build() {
	local name=$1 sub=$2 dir=$out/$1 file
	shift 2

	source_unpack "$name"
	for file in contrib/"$name"/*.[ch]; do
		cmp -s "$file" "$dir/$sub/${file##*/}" || cp "$file" "$dir/$sub/"
	done
	log "building $name"
	(
		cd "$dir"
		[ -e config.status ] || { autoreconf -fi &&
			./configure CPPFLAGS="-I$top/include -I$top/include/uapi" "$@"; }
		make
	) >"$out/log-build-$name" 2>&1 ||
		{ tail -20 "$out/log-build-$name" >&2; die "$name does not build"; }
}
