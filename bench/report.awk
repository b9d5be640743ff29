# SPDX-License-Identifier: GPL-2.0
#
# report.md and report.html, of files in this order: bench/reasons, "kevent-bench
# --explain", the table of table.awk, the figures. Variables: md and html, files to
# write; plots, "name:workload" of the plots that there are, in dir.

function escape(s) {
	gsub(/&/, "\\&amp;", s)
	gsub(/</, "\\&lt;", s)
	gsub(/>/, "\\&gt;", s)
	return s
}

function heading(level, text) {
	printf "%s %s\n\n", substr("###", 1, level), text >md
	printf "<h%d>%s</h%d>\n", level, escape(text), level >html
}

function paragraph(text) {
	printf "%s\n\n", text >md
	printf "<p>%s</p>\n", escape(text) >html
}

# Lines of a comment: paragraphs, and lists that begin with a tab.
function prose(text,    line, num, i, pre, gap) {
	num = split(text, line, "\n")
	for (i = 1; i <= num; i++) {
		if (line[i] == "") {
			gap = 1
			continue
		}
		if (gap) {
			print "" >md
			print (pre ? "</pre>" : "</p>") >html
		}
		if (gap || i == 1) {
			pre = line[i] ~ /^\t/
			printf "%s", pre ? "<pre>" : "<p>" >html
		}
		gap = 0
		if (match(line[i], /^(Question|Model|Metric|Does not show):/)) {
			printf "**%s**%s\n", substr(line[i], 1, RLENGTH), substr(line[i], RLENGTH + 1) >md
			printf "<b>%s</b>%s\n", substr(line[i], 1, RLENGTH), escape(substr(line[i], RLENGTH + 1)) >html
		} else {
			print line[i] >md
			print escape(line[i]) >html
		}
	}
	print "" >md
	print (pre ? "</pre>" : "</p>") >html
}

function row(cells, n, tag,    i, line, web) {
	for (i = 1; i <= n; i++) {
		line = line "| " cells[i] " "
		web = web sprintf("<%s>%s</%s>", tag, escape(cells[i]), tag)
	}
	print line "|" >md
	print "<tr>" web "</tr>" >html
}

function table_begin(titles,    t, n, i) {
	n = split(titles, t, "|")
	print "<table>" >html
	row(t, n, "th")
	for (i = 1; i <= n; i++)
		printf i == 1 ? "|---" : "|--:" >md
	print "|" >md
}

function table_end() {
	print "" >md
	print "</table>" >html
}

function plot_of(work,    num, i, pair, list, line) {
	num = split(plots, list, " ")
	for (i = 1; i <= num; i++) {
		split(list[i], pair, ":")
		if (pair[2] != work)
			continue
		printf "![%s](%s.svg)\n\n", pair[1], pair[1] >md
		print "<figure>" >html
		getline line <(dir "/" pair[1] ".svg")	# the declaration of XML
		while ((getline line <(dir "/" pair[1] ".svg")) > 0)
			print line >html
		close(dir "/" pair[1] ".svg")
		print "</figure>" >html
	}
}

function reason_of(name,    i) {
	for (i = 1; i <= num_reasons; i++) {
		if (name ~ pattern[i])
			return reason[i]
	}
	return ""
}

function belongs(name, section,    first) {
	first = name
	sub(/\/.*/, "", first)
	return (section, first) in member
}

# Rows of one of the section's workloads; then why some are lost.
function rows_of(section,    i, j, c, n, said, why) {
	for (i = 1; i <= num_rows; i++) {
		if (!belongs(row_name[i], section))
			continue
		if (!n++)
			table_begin("row|epoll LT|epoll ET|io_uring|DEFER|poll|kevent ring|get_events|ring / best rival")
		split(row_line[i], c, " ")
		row(c, 9, "td")
	}
	if (!n)
		return
	table_end()
	for (i = 1; i <= num_rows; i++) {
		split(row_line[i], c, " ")
		why = reason_of(c[1])
		if (!belongs(row_name[i], section) || c[9] + 0 <= 1.02 || why in said)
			continue
		said[why]
		paragraph("Behind, " c[1] ": " (why == "" ? "bench/reasons does not say why." : why))
	}
}

function workers_of(    i, c) {
	if (!num_pools)
		return
	table_begin("workers/clients|way|" unit " a connection|wake-ups|calls|busiest, %")
	for (i = 1; i <= num_pools; i++) {
		split(pool_line[i], c, " ")
		row(c, 6, "td")
	}
	table_end()
	paragraph(reason_of("workers"))
}

FNR == 1 { part++ }

part == 1 && /\t/ && !/^#/ {
	num_reasons++
	split($0, two, "\t")
	pattern[num_reasons] = two[1]
	reason[num_reasons] = two[2]
	next
}

# "name: help", one or more, an empty line, the text.
part == 2 {
	if ($0 !~ /^[a-z0-9-]+: / || (text[sections] != "" && !blank)) {
		if (sections && (text[sections] != "" || $0 != ""))
			text[sections] = text[sections] (text[sections] == "" ? "" : "\n") $0
		blank = $0 == ""
		next
	}
	if (!sections || text[sections] != "")
		sections++
	name = $1
	sub(/:$/, "", name)
	member[sections, name]
	names[sections] = names[sections] (names[sections] == "" ? "" : ", ") name
	works[sections, ++num_works[sections]] = name
	help[sections] = help[sections] "\t" $0 "\n"
	next
}

part == 3 && /^Linux .* for an event/ { unit = $3; next }
part == 3 && /^workers, / { inside = 1; next }
part == 3 && inside && NF == 6 { pool_line[++num_pools] = $0; next }
part == 3 && !inside && NF >= 9 && $1 != "workload/n/k" {
	row_name[++num_rows] = $1
	row_line[num_rows] = $0
	next
}
part == 3 && / rows.*; the ring/ { summary = $0; next }

function value(name,    s) {
	if (!match($0, "\"" name "\":(\"[^\"]*\"|[^,}]*)"))
		return ""
	s = substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3)
	gsub(/"/, "", s)
	return s
}

part == 4 && /"kevent-bench"/ {
	machine = sprintf("Linux %s on %s (%s%s), kevent %s; kevent-bench compiled by %s; %s.", \
		value("kernel"), value("machine"), value("cpu"), \
		value("virtual") == "true" ? ", virtual" : "", \
		value("module") == "" ? "not loaded" : value("module"), value("compiler"), \
		value("repeat") > 1 ? "medians of " value("repeat") " repetitions" : "each measured once")
}

END {
	print "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>kevent-bench</title><style>" \
		"body{font:15px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}" \
		"table{border-collapse:collapse;font-size:13px}td,th{border-bottom:1px solid #ddd;padding:2px 8px;text-align:right}" \
		"td:first-child,th:first-child{text-align:left}pre{font-size:12px}figure{margin:1em 0}svg{max-width:100%;height:auto}" \
		"</style></head><body>" >html
	heading(1, "What an event costs")
	paragraph(machine)
	paragraph("Figures are " unit ". Those of pingpong, http, keepalive, sendfile, answer and files are " \
		"of a whole round trip, request or file; others are of one event, change, close or timer, " \
		"beyond the bare work. The names of rows are workload/n/k. Where the ratio is above 1, a rival is cheaper.")
	paragraph(summary)
	for (s = 1; s <= sections; s++) {
		some = ""
		for (i = 1; i <= num_rows; i++)
			some = some (belongs(row_name[i], s) ? "x" : "")
		if (some == "" && !((s, "workers") in member && num_pools))
			continue
		heading(2, names[s])
		prose(help[s])
		prose(text[s])
		for (i = 1; i <= num_works[s]; i++)
			plot_of(works[s, i])
		rows_of(s)
		if ((s, "workers") in member)
			workers_of()
	}
	print "</body></html>" >html
}
