#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# debug-kernel.sh FLAVOUR: builds, once, a 6.12 with every checker that finds our
# kind of bug, from Debian's linux-source-6.12, debug.config and the fragments of
# the flavour: debug, debug-rt, debug-kcsan. Prints what kernel.sh prints. The
# result is kept under the cache, keyed by package version, fragments and variables
# of its build; some ten minutes on two cores, the log is beside it.

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/vm/common.sh
. "$here/common.sh"

package=linux-source-6.12
unset MAKEFLAGS MFLAGS MAKELEVEL

# KCSAN looks at one access in so many: all of them are the module's if the kernel
# itself is not instrumented, but for its barriers, which say what is ordered.
# On PREEMPT_RT a process's CPU timer expires by task_work_add() in a hard interrupt,
# where KASAN must not allocate a page for the stack that it records: "Invalid wait
# context". Linux 6.14 never allocates there.
build_environment=() build_variables=()
case ${1:-} in
debug) fragments=(debug.config debug-preempt.config debug-memory.config) ;;
debug-rt)
	fragments=(debug.config debug-rt.config debug-memory.config)
	build_variables=(CFLAGS_task_work.o=-Dkasan_record_aux_stack=kasan_record_aux_stack_noalloc)
	;;
debug-kcsan)
	fragments=(debug.config debug-races.config)
	# shellcheck disable=SC2016 # make expands it, for each object
	build_environment=(KCSAN_SANITIZE=n 'KCSAN_INSTRUMENT_BARRIERS=$(is-kernel-object)')
	;;
*) die "no kernel ${1:-}" ;;
esac

# Comments in the fragments do not make another kernel.
fragment_options() {
	cat "${fragments[@]/#/"$here/"}" |
		grep -E '^(CONFIG_|# CONFIG_[A-Z0-9_]+ is not set)'
}

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
	[ -z "$lost" ] || die "the fragments: did not survive olddefconfig:$lost"
}

configure() {
	make -s -C "$1" O="$PWD" tinyconfig >/dev/null 2>&1
	fragment_options >fragment.config
	"$1/scripts/kconfig/merge_config.sh" -m .config fragment.config >/dev/null
	make -s -C "$1" O="$PWD" olddefconfig
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

# In a subshell: its lock is for the flavours together.
prepare_source() {
	cache_lock debug-source
	[ ! -e "$1" ] || return 0
	rm -rf "$1.new"
	mkdir -p "$1.new"
	cd "$1.new"
	unpack_source
	mv "$1.new" "$1"
}

# A build that was interrupted goes on where it was.
build() {
	local dir=$1 source=$store/source-$version

	(prepare_source "$source")
	if [ ! -e "$dir/fragment.config" ]; then
		rm -rf "$dir.new"
		mkdir -p "$dir.new"
		(cd "$dir.new" && configure "$source")
		rm -rf "$dir"
		mv "$dir.new" "$dir"
		# it names its own place
		rm "$dir/Makefile"
		make -s -C "$source" O="$dir" outputmakefile
	fi
	log "building the kernel $flavour, some ten minutes; log: $dir.log"
	cd "$dir"
	nice -n 5 env "${build_environment[@]}" make -j"$(nproc)" "${build_variables[@]}" bzImage modules >"$dir.log" 2>&1 ||
		die "the kernel $flavour did not build: $(tail -3 "$dir.log")"
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

flavour=$1
cache_lock "$flavour"
store=$cache/debug
sha=$({ fragment_options && printf '%s' "${build_environment[*]}${build_variables[*]}"; } | sha256sum | cut -c1-12)
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
