/* SPDX-License-Identifier: GPL-2.0 */
/* A program on a terminal, and what that shows. */
#ifndef TERM_H
#define TERM_H

#include <sys/wait.h>
#include <termios.h>

#include "kev.h"

/* What it shows: as much of ECMA-48 as is needed. */
static struct {
	int master, slave;
	pid_t pid;
	struct termios before;
	int width, height, row, col;
	char cell[64][160], other[64][160];
	bool alternate, cursor, escape;
	char sequence[32];
	char *bad;		/* what no program should send */
} term;

static void term_clear(int row, int col, int rows)
{
	memset(&term.cell[row][col], 0, sizeof(term.cell[0]) - col);
	if (--rows > 0)
		term_clear(row + 1, 0, rows);
}

static void term_switch(bool on)
{
	char kept[64][160];

	if (on == term.alternate)
		return;
	memcpy(kept, term.cell, sizeof(kept));
	memcpy(term.cell, term.other, sizeof(kept));
	memcpy(term.other, kept, sizeof(kept));
	term.alternate = on;
}

static void term_sequence(const char *s)
{
	int row, col;
	char c;

	if (sscanf(s, "[%d;%d%c", &row, &col, &c) == 3 && c == 'H') {
		term.row = row - 1;
		term.col = col - 1;
		if (term.row >= term.height)
			term.bad = "below the screen";
	} else if (!strcmp(s, "[K")) {
		if (term.col >= term.width)
			term.bad = "K behind the last column";
		else
			term_clear(term.row, term.col, 1);
	} else if (!strcmp(s, "[J")) {
		term_clear(term.row, term.col, 64 - term.row);
	} else if (!strcmp(s, "[2J")) {
		term_clear(0, 0, 64);
	} else if (!strcmp(s, "[?1049h") || !strcmp(s, "[?1049l")) {
		term_switch(s[6] == 'h');
	} else if (!strcmp(s, "[?25h") || !strcmp(s, "[?25l")) {
		term.cursor = s[4] == 'h';
	} else if (s[strlen(s) - 1] != 'm') {
		term.bad = "an unknown sequence";
	}
}

static void term_put(char c)
{
	size_t n = strlen(term.sequence);

	if (term.escape) {
		term.sequence[n] = c;
		term.sequence[n + 1] = '\0';
		if (n > 20 || (n && c >= '@')) {
			term_sequence(term.sequence);
			term.escape = false;
		}
	} else if (c == '\033') {
		term.escape = true;
		term.sequence[0] = '\0';
	} else if (c == '\r') {
		term.col = 0;
	} else if (c == '\n') {
		if (++term.row >= 60)
			term.bad = "too many lines";
	} else if (term.alternate && term.col >= term.width) {
		term.bad = "beyond the last column";
	} else if (term.col < 159) {
		term.cell[term.row][term.col++] = c;
	}
	CHECK(term.row < 64);
}

/* Shows what has come; is this anywhere in it? */
static bool term_has(const char *text)
{
	struct pollfd p = { .fd = term.master, .events = POLLIN };
	char buf[4096];
	ssize_t n, i;
	int row;

	while (poll(&p, 1, 0) > 0 && (n = read(term.master, buf, sizeof(buf))) > 0)
		for (i = 0; i < n; i++)
			term_put(buf[i]);
	if (term.bad)
		FAIL("%s: row %d, column %d, %s", term.bad, term.row, term.col, term.sequence);
	for (row = 0; row < 64; row++)
		if (strstr(term.cell[row], text))
			return true;
	return false;
}

static void term_size(int width, int height)
{
	struct winsize size = { .ws_col = width, .ws_row = height };

	/* what comes late was made for the other size */
	term.width = width;
	term.height = height;
	CHECK_OK(ioctl(term.master, TIOCSWINSZ, &size));
}

static void term_start(void (*exec)(char *const *argv), char *const *argv)
{
	term.master = CHECK_OK(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
	CHECK_OK(grantpt(term.master));
	CHECK_OK(unlockpt(term.master));
	term.slave = CHECK_OK(open(ptsname(term.master), O_RDWR | O_NOCTTY | O_CLOEXEC));
	CHECK_OK(tcgetattr(term.slave, &term.before));
	term.cursor = true;
	term_size(100, 20);
	term.pid = CHECK_OK(fork());
	if (!term.pid) {
		setsid();
		CHECK_OK(ioctl(term.slave, TIOCSCTTY, 0));
		dup2(term.slave, 0);
		dup2(term.slave, 1);
		dup2(term.slave, 2);
		exec(argv);
	}
}

static void term_type(const char *keys)
{
	CHECK_EQ(write(term.master, keys, strlen(keys)), strlen(keys));
}

static bool term_is_cooked(void)
{
	struct termios now;

	/* padding is compared, too */
	memset(&now, 0, sizeof(now));
	CHECK_OK(tcgetattr(term.slave, &now));
	return !memcmp(&now, &term.before, sizeof(now));
}

/* It has ended, with that status, and left all as it was. */
static void term_expect_end(int status)
{
	int got;

	CHECK_EQ(waitpid(term.pid, &got, 0), term.pid);
	CHECK(WIFEXITED(got));
	CHECK_EQ(WEXITSTATUS(got), status);
	term_has("");
	CHECK(term_is_cooked());
	CHECK(!term.alternate && term.cursor);
}

#endif
