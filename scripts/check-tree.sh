#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-tree.sh: things that are written down twice must say the same. Ends
# with status 1, and says which, if they do not.

set -euo pipefail

cd "$(dirname "$0")/.."
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
	done < <(git ls-files 2>/dev/null)
}

versions
example
licences
scripts/check-syzlang.sh || bad=1
exit $bad
