// SPDX-License-Identifier: GPL-2.0
/*
 * kevent-top: the queues of all processes, their watches, and what is going on in them.
 *
 * A queue is found by its descriptors in /proc/PID/fd; /proc/PID/fdinfo/FD has its
 * counters and a line for each watch: see struct kevent_ioc_info.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <linux/kevent.h>

#define FDINFO_WATCHES	65536	/* fdinfo lists no more */

enum { WATCHES, POSTED, MERGED, OVERFLOWED, WAITS, IMMEDIATE, COUNTERS };

static const char *const counter_names[COUNTERS] = {
	[WATCHES] = "watches:", [POSTED] = "posted:", [MERGED] = "merged:",
	[OVERFLOWED] = "overflowed:", [WAITS] = "waits:", [IMMEDIATE] = "immediate:",
};

/* The last one is for types that are newer than this program. */
static const char *const type_names[KEVENT_TYPE_MAX + 1] = {
	[KEVENT_SOCKET] = "socket", [KEVENT_INODE] = "inode", [KEVENT_TIMER] = "timer",
	[KEVENT_POLL] = "poll", [KEVENT_NAIO] = "naio", [KEVENT_AIO] = "aio",
	[KEVENT_PIPE] = "pipe", [KEVENT_SIGNAL] = "signal",
	[KEVENT_POSIX_TIMER] = "posix_timer", [KEVENT_UNOTIFY] = "unotify",
	[KEVENT_PROC] = "proc", [KEVENT_TYPE_MAX] = "other",
};

struct queue {
	int pid, fd;		/* the first descriptor that was found */
	unsigned int others;	/* how many more refer to it */
	char command[32];
	uint64_t time;
	uint64_t count[COUNTERS];
	unsigned int listed, types[KEVENT_TYPE_MAX + 1];
	bool rated;		/* it was there at the last look */
	double rate[COUNTERS];
};

/* What was seen at one time. */
struct look {
	struct queue **queues;	/* in the order of kcmp(2), then as shown */
	size_t n;
	unsigned int refused;	/* processes that may not be read */
	bool no_kcmp;
};

static struct {
	double interval;
	unsigned long looks;
	int pid;
	bool batch;
} option = { .interval = 1 };

static struct {
	bool on;
	unsigned int width, height, row;
	struct termios before;
	sigset_t mask;		/* of signals while it waits */
} screen;

static volatile sig_atomic_t caught;

/* ---- The terminal ---------------------------------------------------------- */

static void on_signal(int number)
{
	if (number != SIGWINCH || !caught)
		caught = number;
}

static void screen_size(void)
{
	struct winsize size;
	bool known = !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col && size.ws_row;

	screen.width = known ? size.ws_col : 80;
	screen.height = known ? size.ws_row : 24;
}

/* Keys are read as they are typed; the other screen, without a cursor. */
static void screen_begin(void)
{
	struct termios raw = screen.before;

	raw.c_lflag &= ~(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (isatty(STDIN_FILENO))
		tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	printf("\033[?1049h\033[?25l\033[2J");
	screen_size();
	screen.on = true;
}

static void screen_end(void)
{
	if (!screen.on)
		return;
	screen.on = false;
	printf("\033[0m\033[?25h\033[?1049l");
	fflush(stdout);
	if (isatty(STDIN_FILENO))
		tcsetattr(STDIN_FILENO, TCSADRAIN, &screen.before);
}

static void screen_init(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH };
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		sigaction(numbers[i], &action, NULL);
		sigaddset(&set, numbers[i]);
	}
	/* they come in ppoll() only */
	sigprocmask(SIG_BLOCK, &set, &screen.mask);
	tcgetattr(STDIN_FILENO, &screen.before);
	atexit(screen_end);
	screen_begin();
}

/* Stops as any program would, with the terminal as it was. */
static void screen_stop(void)
{
	screen_end();
	raise(SIGSTOP);
	screen_begin();
}

static void __attribute__((noreturn, format(printf, 2, 3)))
end(int status, const char *format, ...)
{
	va_list ap;

	screen_end();
	fflush(stdout);
	va_start(ap, format);
	fprintf(stderr, "kevent-top: ");
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(status);
}

/* One line, which is cut at the edge of the screen; below it there are no more. */
static void __attribute__((format(printf, 2, 3)))
line(const char *attribute, const char *format, ...)
{
	char text[1024];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (!screen.on) {
		puts(text);
	} else if (screen.row < screen.height) {
		screen.row++;
		printf("\033[%u;1H%s%.*s\033[0m", screen.row, attribute, (int)screen.width, text);
		/* with the cursor behind the last column this would take a character */
		if (n < (int)screen.width)
			printf("\033[K");
	}
}

/* ---- Looking ----------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static FILE *open_proc(int pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return fopen(path, "re");
}

/* A name can have anything in it, but not on our screen. */
static void read_command(struct queue *q)
{
	FILE *f = open_proc(q->pid, "comm");
	size_t n;
	char *c;

	if (!f)
		return;
	n = fread(q->command, 1, sizeof(q->command) - 1, f);
	/* there is one newline more than in the name */
	q->command[n ? n - 1 : 0] = '\0';
	for (c = q->command; *c; c++)
		if (!isascii(*c) || !isgraph(*c))
			*c = '?';
	fclose(f);
}

static void read_line(struct queue *q, const char *text, unsigned int *seen)
{
	static const char watch[] = "watch:\ttype: ";
	unsigned long type;
	unsigned int i;

	if (!strncmp(text, watch, sizeof(watch) - 1)) {
		type = strtoul(text + sizeof(watch) - 1, NULL, 10);
		q->types[type < KEVENT_TYPE_MAX ? type : KEVENT_TYPE_MAX]++;
		q->listed++;
		return;
	}
	for (i = 0; i < COUNTERS; i++) {
		size_t n = strlen(counter_names[i]);

		if (!strncmp(text, counter_names[i], n)) {
			q->count[i] = strtoull(text + n, NULL, 10);
			*seen |= 1u << i;
		}
	}
}

/* Returns 0, or an errno; ENOENT if it is no queue, whatever its name. */
static int read_queue(struct queue *q)
{
	static char buffer[65536];
	unsigned int seen = 0;
	char name[32], text[256];
	int error;
	FILE *f;

	snprintf(name, sizeof(name), "fdinfo/%d", q->fd);
	f = open_proc(q->pid, name);
	if (!f)
		return errno;
	setvbuf(f, buffer, _IOFBF, sizeof(buffer));
	q->time = now_ns();
	errno = 0;
	while (fgets(text, sizeof(text), f))
		read_line(q, text, &seen);
	error = ferror(f) ? errno : 0;
	fclose(f);
	return error ? error : seen == (1u << COUNTERS) - 1 ? 0 : ENOENT;
}

/* The queue of this descriptor, if it was found before; else *at is the place for it. */
static struct queue *find_queue(struct look *l, int pid, int fd, size_t *at)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		struct queue *q = l->queues[(low + high) / 2];
		long order = syscall(SYS_kcmp, pid, q->pid, KCMP_FILE, (long)fd, (long)q->fd);

		if (!order)
			return q;
		if (order < 0 && errno != ESRCH && errno != EBADF)
			l->no_kcmp = true;
		if (order == 1)
			high = (low + high) / 2;
		else
			low = (low + high) / 2 + 1;
	}
	*at = low;
	return NULL;
}

static int look_at_fd(struct look *l, int pid, int fd)
{
	struct queue *q;
	size_t at;
	int error;

	q = find_queue(l, pid, fd, &at);
	if (q) {
		q->others++;
		return 0;
	}
	q = calloc(1, sizeof(*q));
	l->queues = reallocarray(l->queues, l->n + 1, sizeof(q));
	if (!q || !l->queues)
		end(1, "out of memory");
	q->pid = pid;
	q->fd = fd;
	error = read_queue(q);
	if (error) {
		free(q);
		return error;
	}
	read_command(q);
	memmove(l->queues + at + 1, l->queues + at, (l->n++ - at) * sizeof(q));
	l->queues[at] = q;
	return 0;
}

/* The device may have another path there, and be deleted by now. */
static bool is_device(const char *link)
{
	const char *name = strrchr(link, '/');

	return name && !strncmp(name, "/kevent", 7);
}

/* Kernel threads and zombies have no arguments, and no descriptors either. */
static bool is_program(int pid)
{
	FILE *f = open_proc(pid, "cmdline");
	bool is = f && fgetc(f) != EOF;

	if (f)
		fclose(f);
	return is;
}

static int look_at_fds(struct look *l, int pid, DIR *dir)
{
	int error, worst = 0;
	struct dirent *e;
	char link[4096];
	ssize_t n;

	while ((e = readdir(dir))) {
		if (!isdigit(e->d_name[0]))
			continue;
		n = readlinkat(dirfd(dir), e->d_name, link, sizeof(link) - 1);
		error = n < 0 ? errno : 0;
		link[n < 0 ? 0 : n] = '\0';
		if (is_device(link))
			error = look_at_fd(l, pid, atoi(e->d_name));
		if (error == EACCES || error == EPERM)
			worst = error;
	}
	return worst;
}

/* Returns 0, or an errno. */
static int look_at_process(struct look *l, int pid)
{
	char path[64];
	int error;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	error = dir ? look_at_fds(l, pid, dir) : errno;
	if (dir)
		closedir(dir);
	if ((error == EACCES || error == EPERM) && is_program(pid))
		l->refused++;
	return error;
}

static void look_at_all(struct look *l)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (isdigit(e->d_name[0]))
			look_at_process(l, atoi(e->d_name));
	if (dir)
		closedir(dir);
}

/* Of one process, or of all. */
static void look_around(struct look *l, bool again)
{
	int error = 0;

	/* whatever else may be mounted there */
	if (access("/proc/self/fdinfo", F_OK))
		end(1, "/proc cannot be read: %s", strerror(errno));
	if (option.pid)
		error = look_at_process(l, option.pid);
	else
		look_at_all(l);
	if (error == ENOENT || error == ESRCH)
		end(!again, again ? "process %d has ended" : "there is no process %d", option.pid);
	if (error)
		end(1, "process %d: %s", option.pid, strerror(error));
}

/* Counters that went back are those of another queue, which got the same number. */
static void rate(struct queue *q, const struct queue *before)
{
	unsigned int i;

	q->rated = q->time > before->time;
	for (i = POSTED; i < COUNTERS; i++)
		q->rated &= q->count[i] >= before->count[i];
	for (i = POSTED; i < COUNTERS && q->rated; i++)
		q->rate[i] = (q->count[i] - before->count[i]) * 1e9 / (q->time - before->time);
}

static void rate_all(struct look *l, const struct look *before)
{
	size_t i, n;

	for (i = 0; i < l->n; i++)
		for (n = 0; n < before->n; n++)
			if (before->queues[n]->pid == l->queues[i]->pid &&
			    before->queues[n]->fd == l->queues[i]->fd)
				rate(l->queues[i], before->queues[n]);
}

/* ---- Showing ------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const struct queue *p = *(struct queue *const *)a, *q = *(struct queue *const *)b;

	if (p->rate[POSTED] != q->rate[POSTED])
		return p->rate[POSTED] < q->rate[POSTED] ? 1 : -1;
	return p->pid != q->pid ? p->pid - q->pid : p->fd - q->fd;
}

/* Five characters; "-" if nothing is known yet. */
static const char *show_rate(const struct queue *q, unsigned int i)
{
	static char text[COUNTERS][32];
	double rate = q->rate[i];

	if (!q->rated)
		return "-";
	if (rate >= 999500)
		snprintf(text[i], sizeof(text[i]), "%.*fM", rate < 1e8, rate / 1e6);
	else if (rate >= 99999.5)
		snprintf(text[i], sizeof(text[i]), "%.0fk", rate / 1e3);
	else
		snprintf(text[i], sizeof(text[i]), "%.*f", rate && rate < 9.95, rate);
	return text[i];
}

static void show_line(const struct queue *q, const char *pid, const char *fd, const char *types)
{
	line("", "%7s %-15s %5s %7llu %6s %6s %6s %5s %5s%s", pid, q->command, fd,
	     (unsigned long long)q->count[WATCHES], show_rate(q, POSTED), show_rate(q, MERGED),
	     show_rate(q, OVERFLOWED), show_rate(q, WAITS), show_rate(q, IMMEDIATE), types);
}

static void show_queue(const struct queue *q)
{
	char pid[16], fd[32], types[512] = "";
	int n = 0, i;

	snprintf(pid, sizeof(pid), "%d", q->pid);
	snprintf(fd, sizeof(fd), q->others ? "%d+%u" : "%d", q->fd, q->others);
	for (i = 0; i <= KEVENT_TYPE_MAX; i++)
		if (q->types[i])
			n += snprintf(types + n, sizeof(types) - n, " %s:%u", type_names[i],
				      q->types[i]);
	if (q->listed >= FDINFO_WATCHES && q->count[WATCHES] > q->listed)
		snprintf(types + n, sizeof(types) - n, " unlisted:%llu",
			 (unsigned long long)q->count[WATCHES] - q->listed);
	show_line(q, pid, fd, types);
}

static void show_total(const struct look *l)
{
	struct queue total = { .command = "" };
	size_t i;
	int c;

	for (i = 0; i < l->n; i++) {
		const struct queue *q = l->queues[i];

		total.rated |= q->rated;
		for (c = 0; c < COUNTERS; c++) {
			total.count[c] += q->count[c];
			total.rate[c] += q->rate[c];
		}
	}
	snprintf(total.command, sizeof(total.command), "%zu queue%s", l->n,
		 l->n == 1 ? "" : "s");
	show_line(&total, "total", "", "");
}

/* Head, total and what else is said have their lines first. */
static size_t shown_queues(const struct look *l)
{
	size_t others = 2 + l->no_kcmp + !!l->refused;

	if (!screen.on || l->n + others <= screen.height)
		return l->n;
	return screen.height > others + 1 ? screen.height - others - 1 : 0;
}

static void show(const struct look *l)
{
	size_t i, n = shown_queues(l);

	screen.row = 0;
	line("\033[7m", "    PID COMMAND            FD WATCHES EVENTS MERGED   OVER "
	     "WAITS IMMED TYPES");
	for (i = 0; i < n; i++)
		show_queue(l->queues[i]);
	if (n < l->n)
		line("", "%zu queue%s more", l->n - n, l->n - n == 1 ? "" : "s");
	show_total(l);
	if (l->no_kcmp)
		line("", "kcmp(2) is not permitted: a queue may have several lines");
	if (l->refused)
		line("", "%u process%s may not be read", l->refused, l->refused == 1 ? "" : "es");
	if (screen.on && screen.row < screen.height)
		printf("\033[%u;1H\033[J", screen.row + 1);
	if (!screen.on)
		puts("");
	if (fflush(stdout))
		end(1, "cannot write: %s", strerror(errno));
}

/* ---- Taking turns ------------------------------------------------------------- */

/* Returns false if that was the last look; draws again what the terminal has lost. */
static bool handle_signal(const struct look *l)
{
	int number = caught;

	caught = 0;
	if (number == SIGTSTP)
		screen_stop();
	else if (number != SIGWINCH)
		return false;
	screen_size();
	printf("\033[2J");
	show(l);
	return true;
}

/* Returns false if somebody wants an end before the interval is over. */
static bool wait_on_screen(const struct look *l)
{
	struct pollfd input = { .fd = isatty(STDIN_FILENO) ? STDIN_FILENO : -1, .events = POLLIN };
	uint64_t until = now_ns() + option.interval * 1e9, now;
	struct timespec left;
	char key;

	while ((now = now_ns()) < until) {
		left.tv_sec = (until - now) / 1000000000;
		left.tv_nsec = (until - now) % 1000000000;
		if (ppoll(&input, 1, &left, &screen.mask) > 0 &&
		    (read(STDIN_FILENO, &key, 1) != 1 || key == 'q'))
			return false;
		if (caught && !handle_signal(l))
			return false;
	}
	return true;
}

static void free_look(struct look *l)
{
	while (l->n)
		free(l->queues[--l->n]);
	free(l->queues);
}

/* Not usleep(), which takes no more than 32 bits of microseconds. */
static bool wait_in_batch(void)
{
	struct timespec ts = { .tv_sec = option.interval };

	ts.tv_nsec = (option.interval - ts.tv_sec) * 1e9;
	return !nanosleep(&ts, NULL);
}

static void take_looks(void)
{
	struct look l = {}, before = {};
	unsigned long n = 0;

	do {
		free_look(&before);
		before = l;
		l = (struct look){};
		look_around(&l, n);
		rate_all(&l, &before);
		qsort(l.queues, l.n, sizeof(*l.queues), compare);
		show(&l);
		if (++n == option.looks)
			break;
	} while (screen.on ? wait_on_screen(&l) : wait_in_batch());
	if (screen.on && n == option.looks) {
		screen_end();
		show(&l);
	}
	free_look(&before);
	free_look(&l);
}

/* ---- Options --------------------------------------------------------------------- */

static void usage(FILE *f)
{
	fputs("usage: kevent-top [-b] [-d SECONDS] [-n COUNT] [-p PID]\n\n"
	      "Shows the kevent queues of all processes, those with the most events first:\n"
	      "their watches, and the number of events, merged events, overflows, calls that\n"
	      "slept and calls that did not sleep, in each second. q ends the program.\n\n"
	      "  -b          print text, as if stdout were not a terminal\n"
	      "  -d SECONDS  time between two looks (1)\n"
	      "  -n COUNT    end after this number of looks\n"
	      "  -p PID      only this process\n"
	      "  -h, --help  this text\n\n"
	      "exit status: 0; 1 if something cannot be read or written; 2 if options are wrong\n",
	      f);
}

static double number(const char *text, const char *what, double min, double max)
{
	char *rest;
	double value = strtod(text, &rest);

	/* those that begin with 1 are whole */
	if (rest == text || *rest || !(value >= min && value <= max) ||
	    (min == 1 && value != (long)value))
		end(2, "%s must be a number from %g to %.0f, not '%s'", what, min, max, text);
	return value;
}

static void read_options(int argc, char **argv)
{
	static const struct option names[] = {
		{ "help", no_argument, NULL, 'h' }, { NULL },
	};
	int c;

	while ((c = getopt_long(argc, argv, "bd:n:p:h", names, NULL)) != -1) {
		switch (c) {
		case 'b':
			option.batch = true;
			break;
		case 'd':
			option.interval = number(optarg, "SECONDS", 0.1, 86400);
			break;
		case 'n':
			option.looks = number(optarg, "COUNT", 1, 1e9);
			break;
		case 'p':
			option.pid = number(optarg, "PID", 1, INT32_MAX);
			break;
		default:
			usage(c == 'h' ? stdout : stderr);
			exit(c == 'h' ? 0 : 2);
		}
	}
	if (optind < argc)
		end(2, "'%s' is not an option: see --help", argv[optind]);
}

int main(int argc, char **argv)
{
	read_options(argc, argv);
	if (!option.batch && isatty(STDOUT_FILENO))
		screen_init();
	take_looks();
	return 0;
}
