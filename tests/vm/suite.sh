# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # shared with common.sh
#
# Sourced, after common.sh: packages of another release of Debian than this
# machine's. apt gets lists of its own for it, in the cache; nothing is installed,
# and no list of this machine's is touched.

# Of the machine's own sources.
# shellcheck disable=SC2016 # apt expands the format
suite_mirror() {
	local want=$1 origin codename uri

	while read -r origin codename uri; do
		case $origin:$codename in
		Debian:*-security) [ "$want" = main ] || { echo "$uri"; return; } ;;
		Debian:*) [ "$want" = security ] || { echo "$uri"; return; } ;;
		esac
	done < <(env -u APT_CONFIG apt-get indextargets \
		--format '$(ORIGIN) $(CODENAME) $(REPO_URI)' | sort -u)
}

# The oldest release that has the series of kernels.
suite_of() {
	case $1 in
	6.1) echo bookworm ;;
	6.12) echo trixie ;;
	7.2) echo sid ;;
	7.3) echo trixie-backports ;;
	esac
}

suite_base() {
	case $1 in
	experimental) echo sid ;;
	*) echo "${1%-backports}" ;;
	esac
}

suite_sources() {
	local suite=$1 base main security name
	local key=/usr/share/keyrings/debian-archive-keyring.gpg

	base=$(suite_base "$suite")
	main=$(suite_mirror main)
	security=$(suite_mirror security)
	[ -n "$main" ] || return 1
	for name in "$base" "$suite"; do
		echo "deb [signed-by=$key] $main $name main"
	done | sort -u
	[ "$base" != sid ] || return 0
	echo "deb [signed-by=$key] $main $base-updates main"
	[ -z "$security" ] || echo "deb [signed-by=$key] $security $base-security main"
}

# Without this, apt takes nothing of these. With it, nothing of the others': so not for a
# release that has security updates, which are another one to apt.
suite_default() {
	case $1 in
	*-backports | experimental) echo "APT::Default-Release \"$1\";" ;;
	esac
}

# suite_use SUITE [ARCHITECTURE]: from here on apt is that release's. Its lists are read
# again once a day.
suite_use() {
	local suite=$1 arch=${2:-} dir=$cache/apt/$1${2:+-$2}

	mkdir -p "$dir/lists/partial" "$dir/archives/partial"
	# containers are configured to do without
	apt_options=(-o Dir::Cache::pkgcache=pkgcache.bin)
	(
		cache_lock "apt-${dir##*/}"
		suite_sources "$suite" >"$dir/sources.new" || exit 0
		mv "$dir/sources.new" "$dir/sources.list"
		[ -e "$dir/status" ] || touch "$dir/status"
		cat >"$dir/apt.conf" <<END
Dir::Etc::SourceList "$dir/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State::Lists "$dir/lists";
Dir::State::Status "$dir/status";
Dir::Cache "$dir";
$(suite_default "$suite")
END
		[ -z "$arch" ] || cat >>"$dir/apt.conf" <<END
APT::Architecture "$arch";
APT::Architectures "$arch";
END
		[ -z "$(find "$dir/updated" -mtime -1 2>/dev/null)" ] || exit 0
		APT_CONFIG=$dir/apt.conf apt_get -o APT::Update::Error-Mode=any update >&2 &&
			touch "$dir/updated"
	) || log "the lists of $suite could not be read"
	export APT_CONFIG=$dir/apt.conf
}

# What kbuild calls, besides the compiler.
toolchain_base=(bash binutils coreutils dash diffutils dpkg findutils gawk grep kmod make
	perl-base sed sparse)

# Prints a directory with the release's compiler, NAMEs, and what they need: their
# files, not installed. From within, by inside.sh, that compiler can be run.
toolchain() {
	local suite=$1 dir=$cache/toolchain/$1 name
	shift

	(
		cache_lock "toolchain-$suite"
		for name; do
			grep -qxF -- "$name" "$dir/.packages" 2>/dev/null && continue
			suite_use "$suite"
			toolchain_add "$dir" "$@"
			exit
		done
	) >&2 || return 1
	echo "$dir"
}

# It may be in use: nothing is taken away.
toolchain_add() {
	local dir=$1 deb name
	shift

	log "fetching a compiler of $suite"
	mkdir -p "$dir"/{dev,proc,tmp,usr/{bin,sbin,lib,lib64}} "$dir/deb/partial"
	for name in bin sbin lib lib64; do
		[ -e "$dir/$name" ] || ln -s "usr/$name" "$dir/$name"
	done
	apt_get install -y --download-only --no-install-recommends \
		-o Dir::Cache::Archives="$dir/deb" "${toolchain_base[@]}" "$@" || return 1
	for deb in "$dir"/deb/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" |
			tar -x -C "$dir" --keep-directory-symlink --no-same-owner \
				--exclude='./usr/share/*' || return 1
	done
	[ -e "$dir/bin/sh" ] || ln -s dash "$dir/usr/bin/sh"
	[ -e "$dir/bin/awk" ] || ln -s gawk "$dir/usr/bin/awk"
	rm -rf "$dir/deb"
	printf '%s\n' "$@" >>"$dir/.packages"
}
