#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [PATTERN]: checks the models of tests/model/table, or those whose line
# matches PATTERN, and ends with "N passed, N failed". The steps that led to a
# violated property are left in $O/model.

set -euo pipefail

out=$(realpath -m "${O:-$(dirname "$0")/../../build}")/model
cd "$(dirname "$0")"
passed=0 failed=0

# What came of it: pass, the violated property, or what went wrong.
outcome() {
	local file=$1 dir=$2
	shift 2

	mkdir -p "$dir"
	cp ./*.pml "$dir"
	cd "$dir"
	rm -f ./*.trail
	# gcc would take longer over each checker than the checker runs
	if ! { spin "$@" -a "$file.pml" && tcc -w -DSAFETY -DCOLLAPSE \
		-DMEMLIM=4000 -o pan pan.c && ./pan -m20000 -w23; } >log 2>&1; then
		echo 'did not run'
	elif [ -e "$file.pml.trail" ]; then
		spin "$@" -t -p -g -l "$file.pml" >trail.txt 2>&1 || true
		sed -n 's/^pan:1: assertion violated  *!( *\([a-z_]*\) *).*/\1/p
			s/^pan:1: assertion violated  *(.*/a plain assertion/p
			s/^pan:1: invalid end state.*/deadlock/p' log
	elif grep -q 'errors: 0$' log && ! grep -q 'max search depth too' log; then
		echo pass
	else
		echo 'did not finish'
	fi
}

check() {
	local file=$1 macros=${2/#-/} want=$3 got start=$SECONDS flags=()

	IFS=, read -ra flags <<<"$macros"
	got=$(outcome "$file" "$out/$file${macros:+-${macros//,/-}}" \
		"${flags[@]/#/-D}")
	if [ "$got" = "$want" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		got="${got:-no property}, not $want: FAILED"
	fi
	printf '%-10s %-40s %s (%d s)\n' "$file" "${macros:--}" "$got" \
		$((SECONDS - start))
}

while read -r file macros want; do
	case $file in
	'' | '#'*) continue ;;
	esac
	[[ "$file $macros $want" == *${1:-}* ]] || continue
	check "$file" "$macros" "$want"
done <table

[ $((passed + failed)) -gt 0 ] || failed=1
echo "$passed passed, $failed failed"
[ $failed = 0 ]
