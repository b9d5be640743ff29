#!/bin/bash
# SPDX-License-Identifier: GPL-2.0

usage() {
	cat <<'END'
usage: bench/report.sh [--cycles] FIGURES.JSON [DIRECTORY]

Writes report.html, which needs nothing else, report.md and its plots into the
directory, by default that of the figures. FIGURES.JSON is what kevent-bench
--json has written, on this machine or on another. --cycles: of what was measured in
cycles, instead of in nanoseconds.
END
}

set -euo pipefail

cycles=0
if [ "${1:-}" = --cycles ]; then
	cycles=1
	shift
fi
case ${1:-} in
'' | -*) usage >&2; exit 2 ;;
esac
json=$(realpath "$1")
dir=$(realpath -m "${2:-$(dirname "$json")}")
cd "$(dirname "$0")/.."
out=$(realpath -m "${O:-build}")
work=$(mktemp -d "${TMPDIR:-/tmp}/kevent-report.XXXXXX")
trap 'rm -rf "$work"' EXIT

if [ $cycles = 1 ]; then
	grep -v '"metric":"ns' "$json" >"$work/cycles.json"
	json=$work/cycles.json
fi
make -s -C bench BUILD="$out/bench"
mkdir -p "$dir"
rm -f "$dir"/*.svg
bench/plot.sh "$dir" "$json"
awk -f bench/table.awk bench/goals "$json" >"$work/table" || true
"$out/bench/kevent-bench" --explain >"$work/explain"

# Each plot with the workload that it is about.
plots=
for name in $(bench/plot.sh --data "$dir" "$json" | cut -d ' ' -f 1); do
	case $name in
	watches | active) plots+=" $name:libevent" ;;
	delete) plots+=" $name:add" ;;
	*) plots+=" $name:${name%-*}" ;;
	esac
done
awk -v dir="$dir" -v md="$dir/report.md" -v html="$dir/report.html" -v plots="$plots" \
	-f bench/report.awk bench/reasons "$work/explain" "$work/table" "$json"
echo "report in ${dir#"$PWD"/}/report.html and report.md"
