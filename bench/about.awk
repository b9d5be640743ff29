# SPDX-License-Identifier: GPL-2.0
#
# Makes a table in C from what each work_*.c says at its top, for
# "kevent-bench --explain" and the report. Ends with status 1 if one of them does
# not say what it asks, how, in what unit, and what the answer does not show.

function complain(what) {
	printf "%s: no \"%s\" at its top\n", file, what >"/dev/stderr"
	bad = 1
}

function finish(    i) {
	if (file == "")
		return
	for (i = 1; i <= 4; i++)
		if (index(text, "\n" part[i]) == 0)
			complain(part[i])
	printf "static const char text_%d[] =", num
	gsub(/\n/, "\\n\"\n\t\"", text)
	printf "\n\t\"%s\";\n", text
}

BEGIN {
	split("Question:|Model:|Metric:|Does not show:", part, "|")
	print "/* made by about.awk */"
	print "#include \"bench.h\"\n"
}

FNR == 1 {
	finish()
	file = FILENAME
	num++
	text = ""
	state = "before"
}

FNR > 1 && state == "before" && /^\/\*/ { state = "inside"; next }

state == "inside" {
	if (/^ \*\//) {
		state = "after"
		next
	}
	sub(/^ \* ?/, "")
	gsub(/["\\]/, "\\\\&")
	text = text "\n" $0
}

match($0, /^const struct work work_[a-z0-9_]+/) {
	name = substr($0, 19, RLENGTH - 18)
	rows = rows sprintf("\t{ &%s, text_%d },\n", name, num)
}

END {
	finish()
	printf "\nconst struct about abouts[] = {\n%s\t{ NULL, NULL },\n};\n", rows
	exit bad
}
