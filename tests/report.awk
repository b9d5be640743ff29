# SPDX-License-Identifier: GPL-2.0
#
# Reads what guest-runner.sh and the programs print, shows one line for each
# program and what failed, and ends with the tally.

function fail(what) {
	failed++
	failures = failures "  " what "\n"
}

function flush_notes() {
	printf "%s", notes
	notes = ""
}

function end_program(status, seconds,    died) {
	died = ""
	if (planned == 0)
		died = "no test ran"
	else if (seen < planned)
		died = (planned - seen) " of " planned " tests did not run"
	else if (status != 0 && status != 1 && status != 4)
		died = "after its last test"
	if (died != "") {
		flush_notes()
		fail(program ": ended with status " status ", " died)
	}
	printf "%s: %d passed", program, passed - passed_before
	if (failed > failed_before)
		printf ", %d FAILED", failed - failed_before
	if (skipped > skipped_before)
		printf ", %d skipped", skipped - skipped_before
	printf " (%s s)\n", seconds
	program = ""
	fflush()
}

$1 == "#>" && $2 == "boot" {
	programs = $3
	begun = 0
	if ($4 != "")
		print "a machine with " substr($0, index($0, $4))
	next
}

$1 == "#>" && $2 == "begin" {
	program = $3
	begun++
	planned = seen = 0
	notes = ""
	passed_before = passed
	failed_before = failed
	skipped_before = skipped
	next
}

$1 == "#>" && $2 == "end" { end_program($4, $5); next }

$1 == "#>" && $2 == "klog" {
	printf "%s: the kernel's log shows a bug:\n", program
	fail(program ": kernel log")
	blamed = 1
	next
}

$1 == "#>" && $2 == "busy" {
	fail(program ": left the module in use, reference count " $3)
	next
}

# The machine's own status, when it has ended.
$1 == "#>" && $2 == "vm" {
	if (program != "") {
		flush_notes()
		fail(program ": the machine went down with it (" $3 ")" why)
	} else if ($3 == 126 && !blamed)
		fail("the machine: kernel log or unloading (126)")
	else if ($3 != 0 && $3 != 126)
		fail("the machine: status " $3)
	if (begun < programs)
		printf "%d programs were not run\n", programs - begun
	program = ""
	blamed = 0
	why = ""
	next
}

# What run.sh says of it, before.
/^run\.sh: / {
	why = ": " substr($0, 9)
	sub(/; the kernel said:$/, "", why)
}

# Already shown beside the program that is to blame.
program == "" && blamed { next }

program == "" || $1 == "#|" { print; fflush(); next }

/^TAP version/ { next }
/^1\.\.[0-9]+/ { planned = substr($1, 4) + 0; next }

/^ok [0-9]+ .*# SKIP/ {
	seen++
	skipped++
	reason = $0
	sub(/^.*# SKIP */, "", reason)
	skips = skips "  " program ": " $3 ": " reason "\n"
	notes = ""
	next
}

/^ok [0-9]+/ { seen++; passed++; notes = ""; next }

/^not ok [0-9]+/ {
	seen++
	flush_notes()
	printf "%s: %s FAILED\n", program, $4
	fail(program ": " $4)
	fflush()
	next
}

{ notes = notes $0 "\n" }

END {
	if (passed + failed == 0)
		fail("no test ran")
	if (skips != "")
		printf "skipped:\n%s", skips
	if (failures != "")
		printf "failed:\n%s", failures
	printf "%d passed, %d failed", passed, failed
	if (skipped)
		printf ", %d skipped", skipped
	print ""
	exit failed != 0
}
