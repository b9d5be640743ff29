#!/bin/bash
# SPDX-License-Identifier: GPL-2.0

usage() {
	cat <<'END'
usage: tests/run.sh [--kernel K] [--list] [--plain] [--timeout S] [--kmemleak] [--smp N] [PATTERN...]

Builds the tests and runs them in a virtual machine. A test has the name of its
file: tests/ring/claim.c is ring/claim. A PATTERN is a shell pattern for such names,
like 'ring/*'; without one, all tests are run.

Some tests are run in several ways, each with its own ending of the name:
  abi/*    also as 32-bit programs, of i386 or armhf (.32)
  epoll/*  on the epoll drop-in, on it with --fast (.fast), on it without the device
           (.lost), and on the kernel's epoll (.kernel)

  --kernel K    the kernel (6.12): tests/vm/run.sh --help has the others
  --list        print the names of the tests
  --plain       without those that need parameters of the module, certain kernels, or files
                of other programs (epoll/*, dropin/*, tools/*)
  --timeout S   seconds for all tests together
  --kmemleak    look for leaks at the end (debug kernels)
  --smp N       virtual CPUs

A test that needs parameters of the module says so in its first five lines:
  /* vm: --param name=value */
Tests with the same line share a machine. A test that can only be run on some
kernels says so, too:
  /* kernel: debug* 6.12 */
On other kernels its name is printed, and it is neither run nor counted.

The last line is "N passed, N failed", with ", N skipped" if there are any.
Everything that was printed is in build/tests/log-KERNEL (O= instead of build).
END
}

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
# shellcheck source=tests/vm/common.sh
. tests/vm/common.sh
# shellcheck source=tests/vm/cross.sh
. tests/vm/cross.sh
out=${O:-build}
kernel=${KERNEL:-6.12} list=0 plain=0 timeout=''
declare -a patterns=() vm_options=()

while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=$2; shift ;;
	--timeout) timeout=$2; shift ;;
	--kmemleak) vm_options+=(--kmemleak) ;;
	--smp) vm_options+=(--smp "$2"); shift ;;
	--list) list=1 ;;
	--plain) plain=1 ;;
	-h | --help) usage; exit ;;
	-*) usage >&2; exit 2 ;;
	*) patterns+=("$1") ;;
	esac
	shift
done

all_names() {
	local file name

	for file in tests/*/*.c; do
		name=${file#tests/}
		name=${name%.c}
		case $name in
		lib/* | vm/* | fuzz/* | programs/* | '*/*') ;;
		abi/*) echo "$name"; echo "$name.32" ;;
		epoll/*) printf '%s\n' "$name" "$name.fast" "$name.lost" "$name.kernel" ;;
		*) echo "$name" ;;
		esac
	done
}

matches() {
	local name=$1 pattern

	[ ${#patterns[@]} -gt 0 ] || return 0
	for pattern in "${patterns[@]}"; do
		# shellcheck disable=SC2053 # it is a pattern
		if [[ $name == $pattern ]]; then
			return 0
		fi
	done
	return 1
}

selected_names() {
	local name

	for name in $(all_names); do
		if matches "$name" && { [ $plain = 0 ] || is_plain "$name"; }; then
			echo "$name"
		fi
	done
}

source_of() {
	local name=${1%.32}

	name=${name%.fast}
	name=${name%.lost}
	echo "tests/${name%.kernel}.c"
}

# What the file wants from the machine, empty for most.
wishes_of() {
	sed -n '1,5s|.*vm: *\(--.*[^ ]\) *\*/.*|\1|p' "$(source_of "$1")"
}

# Does any machine do?
is_plain() {
	case $1 in
	epoll/* | dropin/* | tools/*) return 1 ;;
	esac
	[ -z "$(wishes_of "$1")$(kernels_of "$1")" ]
}

# The kernels that the file can be run on, shell patterns; empty for most: on all. The
# drop-in is written for x86-64.
kernels_of() {
	case $1 in
	epoll/* | dropin/*) echo '!(*-arm64*)' ;;
	esac
	sed -n '1,5s|.*/\* kernel: *\(.*[^ ]\) *\*/.*|\1|p' "$(source_of "$1")"
}

# Is this kernel one of them?
is_for() {
	local pattern

	# not to be expanded to names of files
	set -f
	for pattern in $1; do
		# shellcheck disable=SC2053 # it is a pattern
		[[ $kernel == $pattern ]] && break
		pattern=
	done
	set +f
	[ -n "$pattern" ]
}

# Drops names that this kernel is not for, with a line for each.
drop_other_kernels() {
	local name kernels
	local -a kept=()
	local -A dropped=()

	for name in "${names[@]}"; do
		kernels=$(kernels_of "$name")
		if [ -z "$kernels" ] || is_for "$kernels"; then
			kept+=("$name")
		else
			dropped["$name: not run, only on $kernels"]=1
		fi
	done
	names=("${kept[@]}")
	[ ${#dropped[@]} = 0 ] || printf '%s\n' "${!dropped[@]}" | sort
}

# What else the programs need in the machine.
add_companions() {
	local name dropin=0

	for name; do
		case $name in
		*.kernel) ;;
		epoll/*)
			dropin=1
			name=${name%.fast}
			add+=("--add=$bin/${name%.lost}.kernel")
			;;
		dropin/*)
			dropin=1
			add+=("--add=$bin/dropin/start."{asan,musl} --add=/lib/ld-musl-x86_64.so.1)
			;;
		tools/*) add+=("--add=$bin/tools/kevent-top") ;;
		esac
	done
	[ $dropin = 0 ] || add+=("--add=$(realpath -m "$out/lib/epoll")")
}

run_machine() {
	local wishes=$1 status
	local -a add
	shift

	add=("${@/#/--add=$bin/}")
	add_companions "$@"

	echo "#> boot $# $wishes"
	# shellcheck disable=SC2086 # a list of options
	tests/vm/run.sh --kernel "$kernel" --timeout "$timeout" \
		"${vm_options[@]}" $wishes \
		"${add[@]}" --add tests/vm/guest-runner.sh \
		-- "$top/tests/vm/guest-runner.sh" "$bin" "$@" 2>&1 &&
		status=0 || status=$?
	echo "#> vm $status"
}

run_groups() {
	local wishes
	local -a group

	# shellcheck disable=SC2005 # an empty line, where there are none
	while IFS= read -r wishes; do
		group=()
		for name in "${names[@]}"; do
			if [ "$(wishes_of "$name")" = "$wishes" ]; then
				group+=("$name")
			fi
		done
		run_machine "$wishes" "${group[@]}"
	done < <(for name in "${names[@]}"; do echo "$(wishes_of "$name")"; done | sort -u)
}

mapfile -t names < <(selected_names)
if [ $list = 1 ]; then
	printf '%s\n' "${names[@]}"
	exit
fi
if [ ${#names[@]} = 0 ]; then
	echo "no test matches ${patterns[*]:-*}" >&2
	echo "0 passed, 0 failed"
	exit 1
fi
drop_other_kernels
if [ ${#names[@]} = 0 ]; then
	echo "nothing was run on $kernel"
	echo "0 passed, 0 failed"
	exit 1
fi

arch=$(kernel_arch "$kernel")
cross_use "$arch"
built=$(built_in "$out" "$arch")
bin=$(realpath -m "$built/tests")
if [ -z "$timeout" ]; then
	timeout=1800
	[[ $kernel != debug* ]] || timeout=14400
fi
echo "building ${#names[@]} test programs"
if ! make -s --no-print-directory -j"$(nproc)" O="$built" "${names[@]/#/$built/tests/}"; then
	echo "the tests do not build" >&2
	echo "0 passed, 1 failed"
	exit 1
fi
echo "running them on $kernel"
mkdir -p "$out/tests"
run_groups | tee "$out/tests/log-$kernel" | awk -f tests/report.awk
