#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# man-example.sh PAGE: prints the program in the page's EXAMPLES.
# man-example.sh --all PAGE...: prints those of all pages, as functions that are named
# after their pages, and a table of them, for tests/libkevent/manual.c.

program() {
	awk '/^\.SH/ { on = $2 == "EXAMPLES" }
	     /^\.EE/ { code = 0 }
	     on && code { gsub(/\\e/, "\\"); gsub(/\\-/, "-"); print }
	     /^\.EX/ { code = 1 }' "$1"
}

if [ "$1" != --all ]; then
	program "$1"
	exit
fi
shift
for page; do
	name=$(basename "$page" .3)
	echo "#define main example_$name"
	program "$page"
	echo "#undef main"
done
echo "static const struct example examples[] = {"
for page; do
	name=$(basename "$page" .3)
	echo "	{ \"$name\", (int (*)(int, char **))(void *)example_$name },"
done
echo "};"
