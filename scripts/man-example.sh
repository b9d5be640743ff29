#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# man-example.sh PAGE: prints the program in the page's EXAMPLES; nothing, if it has
# none.
# man-example.sh --all PAGE...: prints those of all pages, as functions that are named
# after their pages, and a table of them, for tests/libkevent/manual.c.

program() {
	awk '/^\.SH/ { on = $2 == "EXAMPLES" }
	     /^\.EE/ { code = 0 }
	     on && code { gsub(/\\e/, "\\"); gsub(/\\-/, "-"); print }
	     /^\.EX/ { code = 1 }' "$1"
}

# kevent.4: kevent_4
function_of() { basename "$1" | tr .- __; }

if [ "$1" != --all ]; then
	program "$1"
	exit
fi
shift
for page; do
	name=$(function_of "$page")
	echo "#define main example_$name"
	program "$page"
	echo "#undef main"
done
echo "static const struct example examples[] = {"
for page; do
	name=$(function_of "$page")
	page=$(basename "$page")
	echo "	{ \"${page%.*}(${page##*.})\", (int (*)(int, char **))(void *)example_$name },"
done
echo "};"
