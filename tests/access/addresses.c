// SPDX-License-Identifier: GPL-2.0
/* Tests that no address of the kernel's comes out, in events, results or text. */
#include "../source/aio.h"
#include "../source/posix_timer.h"
#include "../source/signals.h"

#define EVENTS_MAX	256
#define WATCHES_MAX	(KIND_MAX + 16)

/* ---- Looking for them ------------------------------------------------------ */

/*
 * What is mapped in the kernel's half of the address space, which begins lower
 * with page tables of five levels.  In its holes lie small negative numbers, and
 * pairs of numbers with one such.
 */
static bool is_address(uint64_t value)
{
	return (value >= 0xff00000000000000 && value < 0xfffffe8000000000) ||
	       (value >= 0xffffffff80000000 && value < 0xfffffffffff00000);
}

/* Where one begins; -1: nowhere. */
static ssize_t find(const void *from, size_t len)
{
	uint64_t value;
	size_t i;

	for (i = 0; i + sizeof(value) <= len; i += 4) {
		memcpy(&value, (const char *)from + i, sizeof(value));
		if (is_address(value))
			return i;
	}
	return -1;
}

static void scan(const char *what, const void *from, size_t len)
{
	ssize_t at = find(from, len);

	if (at >= 0)
		FAIL("%s: 0x%llx at %zd", what, *(unsigned long long *)
		     memcpy(&(uint64_t){ 0 }, (const char *)from + at, 8), at);
}

/* A time is looked at alone: half of it, after something else, may look like one. */
static void scan_events(const char *what, const struct ukevent *uk, size_t num)
{
	for (; num--; uk++) {
		struct ukevent copy = *uk;

		scan(what, &copy.time, sizeof(copy.time));
		copy.time = 0;
		scan(what, &copy, sizeof(copy));
	}
}

/* Sixteen digits that begin with ff. */
static void scan_text(const char *what, const char *text)
{
	const char *p;

	for (p = text; (p = strstr(p, "ff")); p++)
		if (strspn(p, "0123456789abcdef") >= 16)
			FAIL("%s: %s", what, text);
}

static void scan_file(const char *path, const char *word)
{
	FILE *f = fopen(path, "re");
	char line[1024];

	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		if (strstr(line, word))
			scan_text(path, line);
	fclose(f);
}

TEST(one_is_found)
{
	uint64_t heap[] = { 0xffff888012345678, 0xff12e9d23fc953c0 };
	uint64_t module = 0xffffffffc0401000;
	uint64_t error = -EINVAL, user = 0x00007fffffffffff;
	char bytes[32] = { 0 };

	memcpy(bytes + 4, &error, sizeof(error));
	memcpy(bytes + 12, &user, sizeof(user));
	CHECK_EQ(find(bytes, sizeof(bytes)), -1);
	memcpy(bytes + 20, &heap[0], sizeof(heap[0]));
	CHECK_EQ(find(bytes, sizeof(bytes)), 20);
	memcpy(bytes + 20, &heap[1], sizeof(heap[1]));
	CHECK_EQ(find(bytes, sizeof(bytes)), 20);
	memcpy(bytes + 20, &module, sizeof(module));
	CHECK_EQ(find(bytes, sizeof(bytes)), 20);
}

/* ---- Changes ----------------------------------------------------------------- */

/**
 * struct subject - a queue with a watch of every source
 * @q: the queue.
 * @ring: of it, if there is one.
 * @things: files.
 * @cookies: of all watches.
 * @num: how many there are.
 * @dir: a directory that is watched.
 * @timer: a POSIX timer.
 * @child: waits to be killed.
 * @sockets: of a transfer.
 */
struct subject {
	int q;
	struct kevent_ring *ring;
	struct thing things[KIND_MAX];
	uint64_t cookies[WATCHES_MAX];
	int num;
	int dir;
	int timer;
	pid_t child;
	int sockets[2];
};

static void change(int q, unsigned int cmd, struct ukevent *uk)
{
	struct kevent_ioc_ctl ctl = {
		.cmd = cmd,
		.num = 1,
		.events = (uintptr_t)uk,
	};

	CHECK_OK(ioctl(q, KEVENT_IOC_CTL, &ctl));
	/* the program's own, half of which may look like one of the kernel's */
	CHECK_EQ(ctl.events, (uintptr_t)uk);
	ctl.events = 0;
	scan("ctl", &ctl, sizeof(ctl));
	scan_events("result", uk, 1);
}

static void add(struct subject *s, unsigned int type, uint64_t id,
		unsigned int event, unsigned int flags, uint64_t param)
{
	struct ukevent uk;

	kevent_prep(&uk, type, id, event, flags, id);
	uk.param[0] = param;
	change(s->q, KEVENT_CTL_ADD, &uk);
	if ((uk.ret_flags & KEVENT_RET_REFUSED) || !uk.cookie)
		return;
	CHECK_LT(s->num, WATCHES_MAX);
	s->cookies[s->num++] = uk.cookie;
}

static void by_cookie(struct subject *s, unsigned int cmd, uint64_t cookie)
{
	struct ukevent uk;

	kevent_prep(&uk, 0, 0, 1, KEVENT_REQ_COOKIE, 7);
	uk.cookie = cookie;
	change(s->q, cmd, &uk);
}

/* ---- Every source ------------------------------------------------------------- */

static void add_files(struct subject *s)
{
	struct thing *t;
	int i;

	for (i = 0; i < KIND_MAX; i++) {
		t = &s->things[i];
		thing_make(t, &kinds[i]);
		add(s, t->kind->type, t->fd, t->kind->event,
		    i & 1 ? KEVENT_REQ_LAST_CHECK : KEVENT_REQ_CLOSED, 0);
		/* refused: one that is there already */
		add(s, t->kind->type, t->fd, t->kind->event, 0, 0);
	}
}

static void add_others(struct subject *s)
{
	add(s, KEVENT_TIMER, 1, KEVENT_TIMER_FIRED, KEVENT_REQ_TIMESTAMP, 1);
	add(s, KEVENT_UNOTIFY, 2, 1, 0, 0);
	add(s, KEVENT_UNOTIFY, 3, 1, KEVENT_REQ_PAYLOAD, 16);
	add(s, KEVENT_SIGNAL, SIGURG, KEVENT_SIGNAL_DELIVERY, 0, 0);
	add(s, KEVENT_SIGNAL, SIGTERM | NOMASK, KEVENT_SIGNAL_DELIVERY, 0, 0);
	pt_block();
	s->timer = pt_create(CLOCK_MONOTONIC);
	add(s, KEVENT_POSIX_TIMER, s->timer, KEVENT_POSIX_TIMER_FIRED, 0, 0);
	s->dir = CHECK_OK(open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	add(s, KEVENT_INODE, s->dir, 0xfff, 0, 0);
	s->child = CHECK_OK(fork());
	if (!s->child)
		for (;;)
			pause();
	add(s, KEVENT_PROC, s->child | KEVENT_PROC_PID, KEVENT_PROC_EXIT, 0, 0);
	/* refused, of every type there may be */
	for (int type = 0; type < KEVENT_TYPE_MAX + 1; type++)
		add(s, type, 1u << 30, 1, 0, 0);
}

static void send_file(struct subject *s)
{
	int fd = file_make(200 * KB);
	struct ukevent uk;

	unix_pair(SOCK_STREAM, s->sockets);
	narrow(s->sockets);
	memset(&uk, 0xa5, sizeof(uk));
	CHECK_OK(kevent_aio_sendfile(s->q, s->sockets[0], fd, 0,
				     KEVENT_AIO_TO_END, 9, &uk));
	scan_events("sendfile", &uk, 1);
	close(fd);
}

static void raise_all(struct subject *s)
{
	struct ukevent uk;
	int i;

	for (i = 0; i < KIND_MAX; i++)
		thing_raise(&s->things[i]);
	for (i = 2; i <= 3; i++) {
		kevent_prep(&uk, KEVENT_UNOTIFY, i, 1, 0, 0x1234);
		change(s->q, KEVENT_CTL_READY, &uk);
	}
	send_value(SIGURG, 5);
	if (!try_signal(s->q, KEVENT_CTL_READY, SIGTERM | NOMASK, 0))
		send_value(SIGTERM, 5);
	pt_set(s->timer, 0, 1, 0);
	close(CHECK_OK(open("/tmp/kevent-scan", O_CREAT | O_RDWR | O_CLOEXEC, 0600)));
	CHECK_OK(unlink("/tmp/kevent-scan"));
	CHECK_OK(kill(s->child, SIGKILL));
	CHECK_EQ(waitpid(s->child, NULL, 0), s->child);
}

/* ---- What comes out ------------------------------------------------------------- */

static void scan_records(struct subject *s)
{
	char buf[4096];
	struct kevent_ioc_read read = { 0 };
	int i, n;

	for (i = 0; i < s->num; i++) {
		memset(buf, 0, sizeof(buf));
		read.cookie = s->cookies[i];
		read.len = sizeof(buf);
		read.buf = (uintptr_t)buf;
		n = ioctl(s->q, KEVENT_IOC_READ, &read);
		CHECK_EQ(read.buf, (uintptr_t)buf);
		read.buf = 0;
		scan("read", &read, sizeof(read));
		scan("records", buf, sizeof(buf));
		if (n < 0)
			CHECK(errno == EINVAL || errno == ENOENT);
	}
}

static void scan_ring(const struct kevent_ring *ring)
{
	if (!ring)
		return;
	scan("kernel page", (void *)ring->kernel, sysconf(_SC_PAGESIZE));
	scan("user page", (void *)ring->user, sysconf(_SC_PAGESIZE));
	scan_events("entries", (const struct ukevent *)ring->entries,
		    (size_t)ring->mask + 1);
}

static void scan_calls(struct subject *s)
{
	static struct ukevent events[EVENTS_MAX];
	struct kevent_ioc_wait wait = { .clockid = CLOCK_MONOTONIC };
	struct kevent_ioc_commit commit = { 0 };
	struct kevent_ioc_info info = { .size = sizeof(info) };

	CHECK_OK(ioctl(s->q, KEVENT_IOC_INFO, &info));
	scan("info", &info, sizeof(info));
	ioctl(s->q, KEVENT_IOC_WAIT, &wait);
	wait.changes = wait.sigmask = 0;
	scan("wait", &wait, sizeof(wait));
	ioctl(s->q, KEVENT_IOC_COMMIT, &commit);
	scan("commit", &commit, sizeof(commit));
	memset(events, 0xa5, sizeof(events));
	CHECK_OK(kevent_get_events(s->q, 0, EVENTS_MAX, NULL, events, 0));
	scan_events("events", events, ARRAY_SIZE(events));
}

static void scan_fdinfo(int q)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", q);
	scan_file(path, "");
}

static void scan_out(struct subject *s)
{
	scan_ring(s->ring);
	scan_calls(s);
	scan_records(s);
	scan_ring(s->ring);
	scan_fdinfo(s->q);
}

static void run(struct subject *s)
{
	int i;

	add_files(s);
	add_others(s);
	send_file(s);
	scan_out(s);
	raise_all(s);
	scan_ring(s->ring);
	scan_out(s);
	for (i = 0; i < s->num; i++)
		by_cookie(s, KEVENT_CTL_MODIFY, s->cookies[i]);
	scan_out(s);
	for (i = 0; i < KIND_MAX; i += 2)
		thing_drop(&s->things[i]);
	scan_out(s);
	for (i = 0; i < s->num; i++)
		by_cookie(s, KEVENT_CTL_REMOVE, s->cookies[i]);
	scan_out(s);
	for (i = 1; i < KIND_MAX; i += 2)
		thing_drop(&s->things[i]);
	pt_delete(s->timer);
	close(s->dir);
	close(s->sockets[0]);
	close(s->sockets[1]);
}

/* Again and again: what was freed is used by the next. */
static void run_often(unsigned int slots)
{
	struct kevent_ring ring;
	struct subject s;
	int i;

	for (i = 0; i < 5; i++) {
		memset(&s, 0, sizeof(s));
		s.ring = slots ? &ring : NULL;
		s.q = kev_queue(s.ring, slots);
		run(&s);
		kev_close(s.q, s.ring);
	}
}

TEST_TIMEOUT(ring, 60)
{
	run_often(128);
}

TEST_TIMEOUT(full_ring, 60)
{
	run_often(4);
}

TEST_TIMEOUT(get_events, 60)
{
	run_often(0);
}

TEST_USER_TIMEOUT(of_a_user, 60)
{
	run_often(128);
}

/* Where the module stands in the kernel's own text. */
TEST(texts)
{
	char line[2048];
	ssize_t n;
	int fd;

	scan_file("/sys/module/kevent/parameters/max_user_watches", "");
	fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		SKIP("no /dev/kmsg");
	while ((n = read(fd, line, sizeof(line) - 1)) > 0 || errno == EPIPE) {
		line[n < 0 ? 0 : n] = 0;
		if (strstr(line, "kevent: "))
			scan_text("log", line);
	}
	close(fd);
}
