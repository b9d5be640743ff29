// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* kevent-epoll: starts a program with the epoll drop-in. */
#include <elf.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <kevent.h>

#define LIBRARY		"libkevent-epoll.so"
#define LIBRARY_FAST	"libkevent-epoll-fast.so"

/* As env(1) and others: the program was not started, can't be, is not there. */
enum { EXIT_FAILED = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

static const char usage_text[] =
"usage: kevent-epoll [OPTION...] PROGRAM [ARG...]\n"
"\n"
"Runs PROGRAM, and serves its epoll calls from /dev/kevent. Where that can't be\n"
"used, PROGRAM runs on the kernel's epoll, and a line on stderr says why.\n"
"\n"
"  --require      fail if /dev/kevent can't be used, or not by PROGRAM\n"
"  --stats        print on stderr, when a process ends, how many calls were served\n"
"  --stats=FILE   append that to FILE\n"
"  --fast         take events from a ring, with no system call while there are some;\n"
"                 an event may come that is no longer true\n"
"  --io-uring     do not hide io_uring from the program\n"
"  --help         print this text\n"
"\n"
"PROGRAM has to be dynamically linked, and not setuid.\n";

struct setup {
	bool require;
	const char *library;
	char words[PATH_MAX + 64];	/* for the library: KEVENT_EPOLL */
};

static void __attribute__((noreturn, format(printf, 2, 3)))
die(int status, const char *format, ...)
{
	va_list ap;

	fputs("kevent-epoll: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(status);
}

static void add_word(struct setup *s, const char *word, const char *value)
{
	size_t len = strlen(s->words);

	if (value && strchr(value, ','))
		die(EXIT_FAILED, "%s: a name with a comma is not possible", value);
	snprintf(s->words + len, sizeof(s->words) - len, "%s%s%s%s",
		 len ? "," : "", word, value ? "=" : "", value ? value : "");
}

/* A name that is good for processes that change their directory. */
static void add_stats(struct setup *s, const char *file)
{
	char path[PATH_MAX], cwd[PATH_MAX];

	if (!file || *file == '/') {
		add_word(s, "stats", file);
		return;
	}
	if (!getcwd(cwd, sizeof(cwd)) ||
	    snprintf(path, sizeof(path), "%s/%s", cwd, file) >= (int)sizeof(path))
		die(EXIT_FAILED, "%s: %s", file, strerror(ENAMETOOLONG));
	add_word(s, "stats", path);
}

static void read_options(struct setup *s, int argc, char **argv)
{
	static const struct option options[] = {
		{ "require", no_argument, NULL, 'r' },
		{ "stats", optional_argument, NULL, 's' },
		{ "fast", no_argument, NULL, 'f' },
		{ "io-uring", no_argument, NULL, 'u' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1)
		switch (c) {
		case 'r':
			s->require = true;
			add_word(s, "require", NULL);
			break;
		case 's':
			add_stats(s, optarg);
			break;
		case 'f':
			s->library = LIBRARY_FAST;
			break;
		case 'u':
			add_word(s, "io_uring", NULL);
			break;
		case 'h':
			fputs(usage_text, stdout);
			exit(0);
		default:
			fputs(usage_text, stderr);
			exit(EXIT_FAILED);
		}
	if (optind == argc) {
		fputs(usage_text, stderr);
		exit(EXIT_FAILED);
	}
}

/* ---- The device -------------------------------------------------------- */

static const char *why(int error)
{
	switch (error) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return "is not there: the module is not loaded (modprobe kevent)";
	case EACCES:
	case EPERM:
		return "may not be opened by this user";
	case EOWNERDEAD:
		return "cannot work: the kernel's ftrace is switched off, or has been taken";
	default:
		return strerror(error);
	}
}

/* Why the device is of no use; NULL: it is. */
static const char *device_problem(void)
{
	struct kevent_ioc_info info;
	int fd = kevent_open();
	const char *problem = NULL;

	if (fd < 0)
		return why(errno);
	if (kevent_info(fd, &info) < 0)
		problem = strerror(errno);
	else if (info.abi != KEVENT_ABI_VERSION ||
		 !(info.features & KEVENT_FEAT_EPOLL))
		problem = "is of another version of the module";
	close(fd);
	return problem;
}

/* ---- The program ------------------------------------------------------- */

/* Where execvp() will find it. */
static bool find_program(const char *name, char *path, size_t size)
{
	const char *dirs = strchr(name, '/') ? "" : getenv("PATH");
	struct stat st;
	int len;

	if (!dirs)
		dirs = "/bin:/usr/bin";
	for (;; dirs += len + 1) {
		len = (int)strcspn(dirs, ":");
		snprintf(path, size, "%.*s%s%s", len, dirs, len ? "/" : "", name);
		if (!access(path, X_OK) && !stat(path, &st) && S_ISREG(st.st_mode))
			return true;
		if (!dirs[len])
			return false;
	}
}

static const char *elf_problem(int fd, const Elf64_Ehdr *head)
{
	struct stat st;
	Elf64_Phdr ph;
	int i;

	if (head->e_ident[EI_CLASS] != ELFCLASS64 || head->e_machine != EM_X86_64)
		return "is not a 64-bit program of x86-64";
	if (!fstat(fd, &st) && (((st.st_mode & S_ISUID) && st.st_uid != getuid()) ||
				((st.st_mode & S_ISGID) && st.st_gid != getgid())))
		return "is setuid or setgid";
	if (getuid() && fgetxattr(fd, "security.capability", NULL, 0) > 0)
		return "has file capabilities";
	for (i = 0; i < head->e_phnum; i++)
		if (pread(fd, &ph, sizeof(ph), (off_t)(head->e_phoff + (size_t)i * sizeof(ph))) ==
			    sizeof(ph) && ph.p_type == PT_INTERP)
			return NULL;
	return "is linked statically";
}

/* Why the library can't be preloaded into it; NULL: it can, or nothing is known. */
static const char *program_problem(const char *path, unsigned int depth)
{
	union {
		Elf64_Ehdr elf;
		char text[PATH_MAX];
	} head = {};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *problem = NULL;
	char *name = head.text + 2;

	if (fd < 0)
		return NULL;
	if (read(fd, head.text, sizeof(head.text) - 1) < 0)
		*head.text = '\0';
	if (!memcmp(head.text, ELFMAG, SELFMAG)) {
		problem = elf_problem(fd, &head.elf);
	} else if (!memcmp(head.text, "#!", 2) && depth < 4) {
		name += strspn(name, " \t");
		name[strcspn(name, " \t\n")] = '\0';
		problem = program_problem(name, depth + 1);
	}
	close(fd);
	return problem;
}

static void check_program(const char *name)
{
	char path[2 * PATH_MAX];
	const char *problem = NULL;

	if (find_program(name, path, sizeof(path)))
		problem = program_problem(path, 0);
	if (problem)
		die(EXIT_FAILED, "%s, or what it is a script for, %s", path, problem);
}

/* ---- The library ------------------------------------------------------- */

/* Beside this program, as built; or where it is installed. */
static void find_library(const char *name, char *path, size_t size)
{
	static const char *const places[] = { "", "../lib/kevent/" };
	char self[PATH_MAX] = "";
	const char *dir;
	size_t i;

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		die(EXIT_FAILED, "/proc/self/exe: %s", strerror(errno));
	dir = dirname(self);
	for (i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(path, size, "%s/%s%s", dir, places[i], name);
		if (!access(path, R_OK))
			return;
	}
	die(EXIT_FAILED, "%s: %s", path, strerror(errno));
}

/* Puts this before what the variable has. */
static void prepend(const char *name, const char *value)
{
	const char *others = getenv(name);
	char *all;

	if (asprintf(&all, "%s%s%s", value, others && *others ? ":" : "",
		     others ? others : "") < 0 || setenv(name, all, 1))
		die(EXIT_FAILED, "%s", strerror(errno));
}

static void preload(const struct setup *s)
{
	char path[2 * PATH_MAX];

	find_library(s->library, path, sizeof(path));
	if (strpbrk(path, ": "))
		die(EXIT_FAILED, "%s: a name with a colon or a space can't be preloaded",
		    path);
	prepend("LD_PRELOAD", path);
	/* else a program of gcc -fsanitize=address ends, as its library is not the first */
	prepend("ASAN_OPTIONS", "verify_asan_link_order=0");
	if (setenv("KEVENT_EPOLL", s->words, 1))
		die(EXIT_FAILED, "%s", strerror(errno));
}

int main(int argc, char **argv)
{
	struct setup s = { .library = LIBRARY };
	const char *problem;

	read_options(&s, argc, argv);
	problem = device_problem();
	if (problem && s.require)
		die(EXIT_FAILED, "/dev/kevent %s", problem);
	if (s.require)
		check_program(argv[optind]);
	if (problem)
		fprintf(stderr, "kevent-epoll: /dev/kevent %s; %s runs on epoll\n",
			problem, argv[optind]);
	else
		preload(&s);
	execvp(argv[optind], argv + optind);
	die(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE, "%s: %s",
	    argv[optind], strerror(errno));
}
