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
	local dkms module

	dkms=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' dkms.conf)
	module=$(sed -n 's/^MODULE_VERSION("\(.*\)");$/\1/p' module/main.c)
	if [ -z "$module" ] || [ "$dkms" != "$module" ]; then
		complain "dkms.conf has version $dkms, module/main.c $module"
	fi
}

# The one block of C in the README is the example without its licence line.
example() {
	# shellcheck disable=SC2016 # they are not meant to expand
	sed -n '/^```c$/,/^```$/ { /^```/!p }' README.md |
		diff - <(sed 1d examples/echo.c) >&2 ||
		complain "README.md's example is not examples/echo.c"
}

# Every file says whose terms it is under; those are in LICENSES.
licences() {
	local file

	while read -r file; do
		case $file in
		*.md | LICENSE | LICENSES/* | .gitignore | */goals) continue ;;
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

versions
example
licences
named_tests docs/threat-model.md
named_tests docs/limits.md
numbers
parameters
scripts/check-syzlang.sh || bad=1
exit $bad
