#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-tree.sh: things that are written down twice must say the same. Ends
# with status 1, and says which, if they do not.

set -euo pipefail

cd "$(dirname "$0")/.."
# shellcheck source=scripts/files.sh
. scripts/files.sh
bad=0

complain() {
	echo "$*" >&2
	bad=1
}

versions() {
	local dkms module kernels

	dkms=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' dkms.conf)
	module=$(sed -nE 's/^#define KEV_(MAJOR|MINOR|PATCH)\s+//p' module/ctl.h | paste -sd .)
	[ "$dkms" = "$module" ] ||
		complain "dkms.conf has version $dkms, module/ctl.h $module"
	[ "$dkms" = "$(sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)" ] ||
		complain "debian/changelog has another version than dkms.conf"
	[ "$dkms" = "$(sed -nE 's/^Version:\s+//p' packaging/kevent.spec)" ] ||
		complain "packaging/kevent.spec has another version than dkms.conf"
	kernels=$(sed -n 's/^KEVENT_KERNELS="\(.*\)"$/\1/p' dkms.conf)
	grep -qF "($kernels, " README.md ||
		complain "README.md names other kernels than dkms.conf, $kernels"
}

# The one block of C in the README is a part of the example, one tab to the left.
example() {
	local block program

	# shellcheck disable=SC2016 # they are not meant to expand
	block=$(sed -n '/^```c$/,/^```$/ { /^```/!p }' README.md)
	program=$(sed 's/^\t//' examples/run.c)
	[[ -n $block && $program == *$'\n'"$block"$'\n'* ]] ||
		complain "README.md's example is not a part of examples/run.c"
}

# Every file says whose terms it is under; those are in LICENSES.
licences() {
	local file

	while read -r file; do
		case $file in
		*.md | *.json | LICENSE | LICENSES/* | .gitignore | */goals) continue ;;
		debian/source/format | debian/ch* | debian/copy* | debian/*.install) continue ;;
		debian/*.dkms | debian/*.docs | debian/*.examples | debian/*.manpages) continue ;;
		esac
		sed -n 1,3p "$file" | grep -q 'SPDX-License-Identifier: ' ||
			complain "$file: no SPDX line"
	done < <(tree_files)
}

# The tests that a page names: "area/program [test, test]".
named_tests() {
	local page=$1 file tests name

	while read -r file tests; do
		for name in ${tests//,/}; do
			grep -qE "^TEST[A-Z_]*\\(${name}[,)]" "tests/$file.c" ||
				complain "$page: no test $name in tests/$file.c"
		done
	done < <(tr '\n' ' ' <"$page" |
		grep -oE '[a-z]+/[a-z_]+ \[[a-z_, ]+\]' | tr -d '[]')
}

# The numbers of the calls: the test compares its own with the header's.
numbers() {
	local tested

	tested=$(sed -nE 's/^\t\{ (KEVENT_IOC_\w+),\t+(0x\w+) \},/\1 \2/p' tests/access/seccomp.c)
	# shellcheck disable=SC2016 # they are not meant to expand
	diff <(sed -nE 's/^\| `(KEVENT_IOC_\w+)` \| (0x\w+) .*/\1 \2/p' docs/ioctls.md) \
		<(echo "$tested") >&2 ||
		complain "docs/ioctls.md and tests/access/seccomp.c have different numbers"
	diff <(sed -nE 's/^\.BR (KEVENT_IOC_\w+) " \((0x\w+)\)"$/\1 \2/p' man/kevent.4) \
		<(echo "$tested") >&2 ||
		complain "man/kevent.4 and tests/access/seccomp.c have different numbers"
}

# Parameters of the module, but for those of debug builds.
parameters() {
	local name

	while read -r name; do
		grep -qE "^\.(B|BR) $name\b" man/kevent.4 ||
			complain "man/kevent.4: no parameter $name"
	done < <(grep -hoE '^module_param(_named|_cb)?\(\w+' module/*.c module/*/*.c |
		grep -v '(delay' | sed 's/.*(//')
}

# Who may include whom in module/: those of a line, the lines below, and no others.
# A circle is then impossible, and a hook does not know its source.
layers() {
	cat <<'END'
main noftrace
ctl show
send
source/aio
change take
request wait
source/aio_move source/aio_send
source/aio_page
source/inode source/pipe source/poll source/posix_timer
source/proc source/signal source/socket source/timer source/user
source/pace source/transfer
watch
hook/close hook/fsnotify hook/posix_timer hook/signal hook/waitqueue
arch/x86_64/entry arch/arm64/entry
arch/entry hook/ftrace hook/linger hook/look
lookup queue record
source
ready
post
notify
trace
quota
kev
ring table
copy delay
compat/eventpoll compat/file compat/fsnotify compat/ftrace compat/mm compat/pagecache
compat/pidfd
compat/posix_timer compat/sendpages compat/signal compat/timens compat/timer
compat/sock
END
}

# "file included": of module/, without their suffixes.
includes() {
	local file dir to

	for file in module/{,*/,arch/*/}*.[chS]; do
		dir=${file%/*}
		file=${file%.*}
		sed -nE 's/^#include "(.*)"$/\1/p' "${dir}/${file##*/}".[chS] 2>/dev/null |
			while read -r to; do
				to=$(realpath -m --relative-to=module "$dir/$to")
				echo "${file#module/} ${to%.*}"
			done
	done | sort -u
}

directions() {
	awk '
		NR == FNR {
			for (i = 1; i <= NF; i++)
				layer[$i] = FNR
			next
		}
		!($1 in layer) || !($2 in layer) {
			print "layers() in check-tree.sh lacks module/" $1 " or module/" $2
			next
		}
		$1 != $2 && layer[$1] >= layer[$2] {
			print "module/" $1 " must not include module/" $2
		}
	' <(layers) <(includes)
}

circles() {
	local found

	found=$(directions)
	[ -z "$found" ] || complain "$found"
}

# What is written for an architecture is in its folder.
architectures() {
	local found

	found=$(grep -rnEi 'x86|amd64|arm64|aarch64' module --exclude-dir=arch --exclude=Kbuild) ||
		return 0
	complain "outside module/arch/: $found"
}

versions
example
circles
architectures
licences
named_tests docs/threat-model.md
named_tests docs/limits.md
numbers
parameters
scripts/check-syzlang.sh || bad=1
scripts/check-docs.sh || bad=1
exit $bad
