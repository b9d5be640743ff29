# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced, in the top of the tree.

# What belongs to the tree; without git, or in somebody else's, what is there.
tree_files() {
	if git ls-files --error-unmatch dkms.conf >/dev/null 2>&1; then
		git ls-files
	else
		find . -type f ! -path './.git/*' ! -path './build/*' -printf '%P\n'
	fi
}
