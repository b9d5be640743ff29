// SPDX-License-Identifier: GPL-2.0
/*
 * step SOCKET MARK JOB WINDOW OUT: has a machine log a piece of its work.
 *
 * Talks to QEMU's gdb stub at SOCKET. Lets the machine run to the program's
 * function at address JOB, which begins a measurement, then to the one at address
 * MARK, 2 * WINDOW + 1 times; from there to the next MARK QEMU logs each instruction
 * to the file OUT.0. Then on to the next JOB, OUT.1 and so on, until the machine goes
 * away.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PACKET_MAX	65536
#define NAME_SIZE	4096
#define CONNECT_TRIES	3000
#define CONNECT_WAIT_US	100000
#define RIP		"p10"		/* of gdb's registers of x86-64 */
/* QEMU tells a register alone only to who has asked what they are. */
#define DESCRIBE	"qXfer:features:read:target.xml:0,100"

static int stub;
static char in[PACKET_MAX];
static size_t in_len, in_pos;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int tries;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		fprintf(stderr, "%s: too long\n", path);
		exit(1);
	}
	strcpy(addr.sun_path, path);
	stub = socket(AF_UNIX, SOCK_STREAM, 0);
	for (tries = 0; tries < CONNECT_TRIES; tries++) {
		if (!connect(stub, (struct sockaddr *)&addr, sizeof(addr)))
			return;
		usleep(CONNECT_WAIT_US);
	}
	die(path);
}

/* The machine goes away when its program has ended: that is no error. */
static int get_char(void)
{
	ssize_t n;

	if (in_pos == in_len) {
		n = read(stub, in, sizeof(in));
		if (n <= 0)
			exit(0);
		in_len = (size_t)n;
		in_pos = 0;
	}
	return in[in_pos++];
}

static void send_packet(const char *body)
{
	char packet[PACKET_MAX];
	unsigned char sum = 0;
	const char *p;
	int len;

	for (p = body; *p; p++)
		sum += (unsigned char)*p;
	len = snprintf(packet, sizeof(packet), "$%s#%02x", body, sum);
	if (write(stub, packet, (size_t)len) != len)
		exit(0);
}

/* The body of the next packet, which is acknowledged; of it what has room. */
static void get_packet(char *body, size_t room)
{
	size_t n = 0;
	int c;

	do {
		c = get_char();
	} while (c != '$');
	while ((c = get_char()) != '#') {
		if (n + 1 < room)
			body[n++] = (char)c;
	}
	body[n] = '\0';
	get_char();
	get_char();
	if (write(stub, "+", 1) != 1)
		exit(0);
}

static void ask(const char *body, char *answer, size_t room)
{
	send_packet(body);
	get_packet(answer, room);
}

static void demand_ok(const char *body)
{
	char answer[64];

	ask(body, answer, sizeof(answer));
	if (strcmp(answer, "OK")) {
		fprintf(stderr, "the stub says %s to %s\n", answer, body);
		exit(1);
	}
}

static void go(const char *how)
{
	char answer[PACKET_MAX];

	ask(how, answer, sizeof(answer));
	if (answer[0] != 'T' && answer[0] != 'S')
		exit(0);
}

/* A command of QEMU's monitor; what it prints comes first. */
static void command(const char *text)
{
	char body[PACKET_MAX / 2], answer[PACKET_MAX];
	size_t n = (size_t)sprintf(body, "qRcmd,");

	for (; *text; text++)
		n += (size_t)sprintf(body + n, "%02x", *text);
	ask(body, answer, sizeof(answer));
	while (answer[0] == 'O' && answer[1] != 'K')
		get_packet(answer, sizeof(answer));
	if (strcmp(answer, "OK")) {
		fprintf(stderr, "the monitor says %s\n", answer);
		exit(1);
	}
}

static uint64_t where(void)
{
	char answer[64];
	uint64_t pc;

	ask(RIP, answer, sizeof(answer));
	if (sscanf(answer, "%" SCNx64, &pc) != 1) {
		fprintf(stderr, "no register: %s\n", answer);
		exit(1);
	}
	return __builtin_bswap64(pc);
}

static void breakpoint(char set, uint64_t at)
{
	char body[32];

	snprintf(body, sizeof(body), "%c0,%" PRIx64 ",1", set, at);
	demand_ok(body);
}

/* One more instruction, so that the next "c" does not stop at once. */
static void run_to(uint64_t at)
{
	breakpoint('Z', at);
	do {
		go("c");
	} while (where() != at);
	breakpoint('z', at);
	go("s");
}

/* Old versions know the first form, new ones the second. */
static void one_by_one(const char *how)
{
	char text[64];

	snprintf(text, sizeof(text), "singlestep %s", how);
	command(text);
	snprintf(text, sizeof(text), "one-insn-per-tb %s", how);
	command(text);
}

static void record(const char *name, uint64_t mark)
{
	char text[NAME_SIZE + 16];

	snprintf(text, sizeof(text), "logfile %s", name);
	command(text);
	one_by_one("on");
	command("log exec,nochain");
	run_to(mark);
	command("log none");
	one_by_one("off");
}

int main(int argc, char **argv)
{
	uint64_t mark, job;
	unsigned int window, i, run;
	char name[NAME_SIZE];

	if (argc != 6) {
		fprintf(stderr, "usage: step SOCKET MARK JOB WINDOW OUT\n");
		return 2;
	}
	mark = strtoull(argv[2], NULL, 16);
	job = strtoull(argv[3], NULL, 16);
	window = (unsigned int)atoi(argv[4]);
	signal(SIGPIPE, SIG_IGN);
	connect_to(argv[1]);
	ask(DESCRIBE, name, sizeof(name));
	/* that the machine has stopped for us may be said late */
	if (name[0] == 'T')
		get_packet(name, sizeof(name));
	for (run = 0;; run++) {
		run_to(job);
		for (i = 0; i <= 2 * window; i++)
			run_to(mark);
		snprintf(name, sizeof(name), "%s.%u", argv[5], run);
		record(name, mark);
	}
}
