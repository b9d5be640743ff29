#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-docs.sh: what the pages (*.md, man/) name must be there: the targets and anchors
# of links, make targets, files, tests, manual pages. Their figures and plots must be those of
# docs/benchmarks.json. Ends with status 1, and says what is missing, if something is.

set -euo pipefail

cd "$(dirname "$0")/.."
# shellcheck source=scripts/files.sh
. scripts/files.sh
bad=0

complain() {
	echo "$*" >&2
	bad=1
}

pages() { tree_files | grep '\.md$'; }

# ---- Links --------------------------------------------------------------------

# "target" of each [text](target), but for those of other sites.
links() {
	{ grep -oE '\]\([^) ]+\)' "$1" || true; } | sed 's/^](//; s/)$//' |
		{ grep -vE '^[a-z]+:' || true; }
}

# Anchors are made of headings as GitHub does it.
anchors() {
	# shellcheck disable=SC2016 # they are not meant to expand
	sed -n '/^```/,/^```/d; s/^##* //p' "$1" | tr '[:upper:]' '[:lower:]' |
		sed -E 's/[^a-z0-9 _-]//g; s/ /-/g' | awk '{ print $0 (n[$0]++ ? "-" n[$0] - 1 : "") }'
}

check_links() {
	local page=$1 link file anchor

	while read -r link; do
		file=${link%%#*}
		anchor=
		[[ $link != *'#'* ]] || anchor=${link#*#}
		if [ -n "$file" ]; then
			file=$(dirname "$page")/$file
		else
			file=$page
		fi
		if [ ! -e "$file" ]; then
			complain "$page: a link to $link, which is not there"
		elif [ -n "$anchor" ] && ! anchors "$file" | grep -qxF -- "$anchor"; then
			complain "$page: a link to $link, and there is no such heading"
		fi
	done < <(links "$page")
}

# ---- Commands -----------------------------------------------------------------

# What is code: indented lines, fenced ones, `spans`.
code() {
	awk '
		/^```/ { fenced = !fenced; next }
		fenced || /^\t/ { print; next }
		{ text = text " " $0 }
		/^$/ { spans() }
		END { spans() }
		function spans(    part, n, i) {
			n = split(text, part, "`")
			for (i = 2; i <= n; i += 2)
				print part[i]
			text = ""
		}' "$1"
}

# "directory target" of each make command.
make_targets() {
	code "$1" | sed "s/'[^']*'//g; s/\"[^\"]*\"//g" |
		{ grep -oE '(^|&& |; |^[[:space:]]*)make( +[^ #&;|><]+)*' || true; } |
		awk '{
			dir = "."
			for (i = 1; i <= NF && $i != "make"; i++)
				;
			for (i++; i <= NF; i++) {
				if ($i == "-C")
					dir = $++i
				else if ($i !~ /^-/ && $i !~ /=/ && $i !~ /^build\//)
					print dir, $i
			}
		}' | sort -u
}

has_target() {
	awk -v target="$2" -F: '
		/^[a-z][^=]*:([^=]|$)/ {
			n = split($1, name, " ")
			for (i = 1; i <= n; i++)
				if (name[i] == target)
					found = 1
		}
		END { exit !found }' "$1/Makefile" 2>/dev/null
}

check_commands() {
	local page=$1 dir target

	while read -r dir target; do
		has_target "$dir" "$target" ||
			complain "$page: make $target, which $dir/Makefile does not have"
	done < <(make_targets "$page")
}

# ---- Files and tests ------------------------------------------------------------

# Words that look like a file, a directory or a test, outside fenced code.
file_names() {
	# shellcheck disable=SC2016 # they are not meant to expand
	sed '/^```/,/^```/d' "$1" | tr ' \t`()|,;"<>[]='"'" '\n' | sed 's/[.:!?]*$//; s/^\.\///' |
		grep -E '^[A-Za-z0-9_.-]+/[A-Za-z0-9_./*{}-]*$|^[a-z0-9_-]+\.(c|h|S|sh|md|awk|py|conf|rules|pml)$' |
		grep -vE '(^|/)[A-Z]+(\.|/|$)|^build/|^\.\.' | sort -u || true
}

# The first part of a name that is ours: a directory of the tree, of module/, of tests/.
is_ours() { [ -d "$1" ] || [ -d "module/$1" ] || [ -d "tests/$1" ]; }

# As it is, or under one of these; a test without its suffix.
exists() {
	local name=$1 dir

	for dir in . module tests "$2"; do
		! compgen -G "$dir/$name" >/dev/null || return 0
		! compgen -G "$dir/$name.c" >/dev/null || return 0
	done
	# tests that are run in several ways
	[[ $name =~ ^(abi|epoll)/(.*)\.(32|fast|lost|kernel)$ ]] &&
		[ -e "tests/${BASH_REMATCH[1]}/${BASH_REMATCH[2]}.c" ]
}

check_files() {
	local page=$1 name

	while read -r name; do
		case $name in
		*/*)
			! is_ours "${name%%/*}" || exists "$name" "$(dirname "$page")" ||
				complain "$page: $name, which is not there"
			;;
		*)
			grep -qE "(^|/)${name//./\\.}$" <<<"$all" ||
				complain "$page: $name, and no file has that name"
			;;
		esac
	done < <(file_names "$page")
}

# ---- The manual -----------------------------------------------------------------

# "name.section" of each page, and of each function that a page describes.
manual_names() {
	local page

	for page in man/*.[1-9]; do
		sed -n '/^\.SH NAME/,/^\.SH SYN/{/^\.SH/d;p;}' "$page" | tr '\n' ' ' |
			sed 's/ \\-.*/\n/; s/\\-/-/g; s/, */\n/g' | sed "s/\$/.${page##*.}/"
	done
}

# The same of what a page refers to.
manual_references() {
	sed -E 's/\\-/-/g; s/^\.BR ("[^"]*" )*//; s/" *, *"/ /g' "$1" |
		{ grep -oE '\b(lib)?kevent[a-z_-]*\(?[ (]*\([1-9]\)' || true; } |
		sed -E 's/[ (]*\(([1-9])\)/.\1/' | sort -u
}

check_manual() {
	local page=$1 name

	while read -r name; do
		grep -qxF -- "$name" <<<"$manual" ||
			complain "$page: ${name%.*}(${name##*.}), of which there is no page"
	done < <(manual_references "$page")
}

# Pages are named in code and in the manual, too.
check_mentions() {
	local file name

	while IFS=: read -r file name; do
		[ -e "$name" ] || complain "$file: $name, which is not there"
	done < <(tree_files | grep -v '\.md$' |
		xargs grep -oE '\bdocs/[A-Za-z_\-]+\.md' | sed 's/\\-/-/g' | sort -u)
}

all=$(tree_files)
manual=$(manual_names)
for page in $(pages); do
	check_links "$page"
	check_commands "$page"
	check_files "$page"
	check_manual "$page"
done
for page in man/*.[1-9]; do
	check_manual "$page"
done
check_mentions
scripts/readme-figures.sh --check || bad=1
exit $bad
