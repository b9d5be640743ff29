#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds, once, a 6.12 with every checker that finds our kind of bug, from
# Debian's linux-source-6.12 and debug.config. Prints what kernel.sh prints.
# The result is kept under the cache, keyed by package version and fragment;
# some ten minutes on two cores, the log is beside it.

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/vm/common.sh
. "$here/common.sh"

package=linux-source-6.12
fragment=$here/debug.config
unset MAKEFLAGS MFLAGS MAKELEVEL

# Comments in the fragment do not make another kernel.
fragment_options() { grep -E '^(CONFIG_|# CONFIG_[A-Z0-9_]+ is not set)' "$fragment"; }

# Kconfig drops an option whose dependencies fail without a word.
check_options() {
	local config=$1 line symbol lost=

	while read -r line; do
		case $line in
		'#'*)
			symbol=${line#\# }
			symbol=${symbol%% *}
			! grep -q "^$symbol=" "$config" || lost+=" !$symbol"
			;;
		*)
			symbol=${line%%=*}
			grep -qxF -- "$line" "$config" || lost+=" $symbol"
			;;
		esac
	done < <(fragment_options)
	[ -z "$lost" ] || die "debug.config: did not survive olddefconfig:$lost"
}

configure() {
	make -s tinyconfig >/dev/null 2>&1
	fragment_options >fragment.config
	scripts/kconfig/merge_config.sh -m .config fragment.config >/dev/null
	make -s olddefconfig
	check_options .config
}

# The register headers of one graphics driver are a third of the source.
unpack_source() {
	local deb

	log "fetching $package"
	mkdir deb
	packages_fetch "$PWD/deb" "$package" || die "could not fetch $package"
	deb=$(echo deb/*.deb)
	dpkg-deb --fsys-tarfile "$deb" |
		tar -xO "./usr/src/$package.tar.xz" | xz -dc |
		tar -x --strip-components=1 \
			--exclude='*/drivers/gpu/drm/amd/include/asic_reg'
	rm -rf deb
}

# A build that was interrupted goes on where it was.
build() {
	local dir=$1

	if [ ! -e "$dir/fragment.config" ]; then
		rm -rf "$dir.new"
		mkdir -p "$dir.new"
		(cd "$dir.new" && unpack_source && configure)
		rm -rf "$dir"
		mv "$dir.new" "$dir"
	fi
	log "building the debug kernel, some ten minutes; log: $dir.log"
	cd "$dir"
	nice -n 5 make -j"$(nproc)" bzImage modules >"$dir.log" 2>&1 ||
		die "the debug kernel did not build: $(tail -3 "$dir.log")"
	make -s kernelrelease >.release
	install -D -t "modroot/lib/modules/$(cat .release)" modules.builtin
	mkdir -p "modroot/lib/modules/$(cat .release)/kernel"
	touch .built
}

newest_cached() {
	mkdir -p "$store"
	find "$store" -mindepth 2 -maxdepth 2 -name .built -path "*-$sha/*" -printf '%h\n' |
		sort -V | tail -1
}

cache_lock debug
store=$cache/debug
sha=$(fragment_options | sha256sum | cut -c1-12)
version=$(package_candidate "$package")
dir=$store/${version:-none}-$sha
if [ -z "$version" ]; then
	dir=$(newest_cached)
	[ -n "$dir" ] || die "apt knows no $package (apt-get update?)"
elif [ ! -e "$dir/.built" ]; then
	(build "$dir") >&2
fi

release=$(cat "$dir/.release")
printf 'VMLINUZ=%s\nKDIR=%s\nKREL=%s\nMODDIR=%s\n' \
	"$dir/arch/x86/boot/bzImage" "$dir" "$release" \
	"$dir/modroot/lib/modules/$release"
