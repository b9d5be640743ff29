// SPDX-License-Identifier: GPL-2.0
/* Tests that in a crowd that comes and goes no event is lost, and none is of the dead. */
#include "slot.h"

#include <glob.h>
#include <netinet/in.h>
#include <sys/resource.h>

/*
 * KEVENT_SOAK_WATCHES and KEVENT_SOAK_SECONDS make it larger: "make soak".  Two
 * threads send and close; five receive, on queues of every kind, and close as
 * well; two make connections.  See slot.h for what proves what.
 */
#define MS 1000000ull
#define SECOND (1000 * MS)
#define LOST (10 * SECOND)	/* no event is that late */

/* The kernel keeps some of what was freed for next time. */
#define TOLERANCE_KB 8192

enum { QUEUES = 4, SHARED = 2, PRODUCERS = 2, CLIENTS = 2, CONNECTIONS = 64, TAKE = 64 };

enum how { IN_PLACE, TAKEN, COPIED };

struct queue {
	struct kevent_ring ring;
	int q;
	enum how how;
	unsigned int pause;	/* events between two rests */
};

struct thread {
	struct test_thread thread;
	struct queue *queue;
	uint32_t seed;
};

static struct queue queues[QUEUES];
static struct slot *listener;
static int num_slots;		/* but connections and the listener */
static int port;
static bool producers_stop, consumers_stop;

static uint32_t random_of(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	return *seed ^= *seed << 5;
}

static bool is_set(const bool *flag)
{
	return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

static void set(bool *flag, bool value)
{
	__atomic_store_n(flag, value, __ATOMIC_RELEASE);
}

/* ---- Senders ---------------------------------------------------------------------------- */

/* The slot is locked. */
static void remake(struct slot *s)
{
	slot_close(s);
	slot_open(s);
}

static bool check_lost(struct slot *s)
{
	if (s->sent == s->got || now_ns() < s->since + LOST * test_scale())
		return false;
	NOTE("lost: slot %td of kind %d, generation %u, queue %d: %u of %u",
	     s - slots, s->kind, s->gen, s->q, s->got, s->sent);
	COUNT(lost, s->sent - s->got);
	s->got = s->sent;
	return true;
}

static void *produce(void *arg)
{
	struct thread *t = arg;
	struct slot *s;
	uint32_t r;

	while (!is_set(&producers_stop)) {
		r = random_of(&t->seed);
		s = &slots[r % num_slots];
		if (!slot_try_lock(s))
			continue;
		r = random_of(&t->seed);
		if (check_lost(s) || !(r & 31))
			remake(s);
		else
			slot_send(s, 20000 + r % (10 * MS));
		slot_unlock(s);
	}
	return NULL;
}

/* Connects, says some numbers and hears each again, and leaves. */
static void talk(struct thread *t, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint32_t i, n = 1 + random_of(&t->seed) % 8, back;

	for (i = 1; i <= n; i++) {
		CHECK_EQ(send(fd, &i, 4, MSG_NOSIGNAL), 4);
		COUNT(sent, 1);
		if (poll(&p, 1, LOST / MS * test_scale()) != 1) {
			NOTE("lost: number %u of a connection", i);
			COUNT(lost, 1);
			return;
		}
		CHECK_EQ(recv(fd, &back, 4, MSG_WAITALL), 4);
		CHECK_EQ(back, i);
	}
}

static void *connect_and_talk(void *arg)
{
	struct linger now = { .l_onoff = 1 };
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct thread *t = arg;
	int fd;

	while (!is_set(&producers_stop)) {
		fd = CHECK_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
		CHECK_EQ(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
		talk(t, fd);
		/* most by a reset: they leave no TIME_WAIT behind */
		if (random_of(&t->seed) & 7)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(fd);
		COUNT(connections, 1);
	}
	return NULL;
}

/* ---- Receivers -------------------------------------------------------------------------- */

static struct slot *free_connection(void)
{
	struct slot *s;

	for (s = listener + 1; s <= listener + CONNECTIONS; s++)
		if (!s->open)
			return s;
	FAIL("more connections than clients");
}

/* One thread has the listener and its connections: they need no lock. */
static void accept_all(int q)
{
	struct slot *s;
	int fd;

	while ((fd = accept4(listener->fd[0], NULL, NULL,
			     SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		s = free_connection();
		s->q = q;
		s->fd[0] = fd;
		s->fd[1] = -1;
		s->open = true;
		COUNT(opened, 1);
		slot_watch(s, KEVENT_SOCKET, fd, KEVENT_SOCKET_RECV,
			   KEVENT_REQ_ET | KEVENT_REQ_ALWAYS_QUEUE);
	}
	CHECK(errno == EAGAIN || errno == ECONNABORTED);
}

static void echo_all(struct slot *s)
{
	uint32_t value;
	ssize_t len;

	while ((len = recv(s->fd[0], &value, 4, 0)) == 4)
		if (send(s->fd[0], &value, 4, MSG_NOSIGNAL) != 4)
			break;
	if (len < 0 && errno == EAGAIN)
		return;
	slot_close(s);
}

static void take_event(struct thread *t, struct slot *s, const struct ukevent *uk)
{
	if (s->kind == SLOT_LISTENER) {
		accept_all(t->queue->q);
	} else if (s->kind == SLOT_CONNECTION) {
		COUNT(events, 1);
		echo_all(s);
	} else {
		slot_receive(s, uk);
		if (!(random_of(&t->seed) & 63))
			remake(s);
	}
}

/* Closes something else, of which an event may be in the batch in hand. */
static void close_another(struct thread *t)
{
	struct slot *s = &slots[random_of(&t->seed) % num_slots];

	if (s->q != t->queue->q || !slot_try_lock(s))
		return;
	remake(s);
	slot_unlock(s);
}

static void handle(struct thread *t, const struct ukevent *uk, uint64_t asked_at)
{
	struct slot *s = slot_of(uk->ptr);

	slot_lock(s);
	if (slot_is_live(s, uk, asked_at))
		take_event(t, s, uk);
	slot_unlock(s);
	if (!(random_of(&t->seed) & 15))
		close_another(t);
}

static uint64_t closes_now(void)
{
	return __atomic_load_n(&closes, __ATOMIC_SEQ_CST);
}

/* Takes what there is; returns how many. */
static int receive_in_place(struct thread *t)
{
	const struct ukevent *uk;
	uint64_t at = closes_now();
	int n = 0;

	while ((uk = kevent_ring_next(&t->queue->ring))) {
		handle(t, uk, at);
		at = closes_now();
		if (++n == TAKE)
			break;
	}
	return n;
}

static int receive_taken(struct thread *t)
{
	struct ukevent uk[TAKE];
	uint64_t at = closes_now();
	int i, n = kevent_ring_take(&t->queue->ring, uk, TAKE);

	for (i = 0; i < n; i++)
		handle(t, &uk[i], at);
	return n;
}

static int receive_copied(struct thread *t)
{
	struct timespec limit = { .tv_nsec = 20 * MS };
	struct ukevent uk[TAKE];
	uint64_t at = closes_now();
	int i, n;

	n = CHECK_OK(kevent_get_events(t->queue->q, 1, TAKE, &limit, uk, 0));
	for (i = 0; i < n; i++)
		handle(t, &uk[i], at);
	return n;
}

static void rest(struct queue *queue)
{
	struct timespec limit = { .tv_nsec = 20 * MS };

	if (queue->how == IN_PLACE)
		CHECK_OK(kevent_ring_wait(&queue->ring, &limit));
	else if (queue->how == TAKEN)
		CHECK_OK(kevent_wait(queue->q, 1,
				     kev_seen(&queue->ring), &limit, 0));
}

/* Until the ring has overflowed: where all is slow, that takes its time. */
static void let_overflow(const struct queue *queue)
{
	uint64_t end = now_ns() + SECOND;
	unsigned long long before = kev_stat(queue->q, "overflowed");

	do
		usleep(10000);
	while (kev_stat(queue->q, "overflowed") == before && now_ns() < end &&
	       !is_set(&consumers_stop));
}

static void *consume(void *arg)
{
	struct thread *t = arg;
	struct queue *queue = t->queue;
	unsigned int since = 0;
	int n;

	while (!is_set(&consumers_stop)) {
		n = queue->how == IN_PLACE ? receive_in_place(t) :
		    queue->how == TAKEN ? receive_taken(t) : receive_copied(t);
		since += n;
		if (queue->pause && since > queue->pause) {
			since = 0;
			let_overflow(queue);
		}
		if (!n)
			rest(queue);
	}
	return NULL;
}

/* ---- One round -------------------------------------------------------------------------- */

static void queue_make(struct queue *queue, enum how how, unsigned int size,
		       unsigned int pause)
{
	queue->how = how;
	queue->pause = pause;
	queue->q = kev_queue(&queue->ring, size);
}

static unsigned int power_of_two(unsigned int n)
{
	unsigned int size = 1;

	while (size < n)
		size *= 2;
	return size;
}

static void make_queues(void)
{
	queue_make(&queues[0], IN_PLACE, power_of_two(num_slots), 0);
	queue_make(&queues[1], IN_PLACE, 64, 500);
	queue_make(&queues[SHARED], TAKEN, 128, 1000);
	queue_make(&queues[3], COPIED, 0, 0);
}

static void make_listener(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);
	int i, fd;

	fd = CHECK_OK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			     0));
	CHECK_EQ(bind(fd, (struct sockaddr *)&addr, len), 0);
	CHECK_EQ(listen(fd, CONNECTIONS), 0);
	CHECK_EQ(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	port = ntohs(addr.sin_port);
	listener = &slots[num_slots];
	listener->kind = SLOT_LISTENER;
	listener->q = queues[0].q;
	listener->fd[0] = fd;
	listener->fd[1] = -1;
	listener->open = true;
	slot_watch(listener, KEVENT_SOCKET, fd, KEVENT_SOCKET_ACCEPT,
		   KEVENT_REQ_ET);
	for (i = 1; i <= CONNECTIONS; i++)
		listener[i].kind = SLOT_CONNECTION;
}

static void make_slots(void)
{
	static const unsigned char kinds[] = {
		SLOT_EVENTFD, SLOT_SOCKET, SLOT_PIPE, SLOT_TIMER, SLOT_USER,
		SLOT_SOCKET, SLOT_PIPE, SLOT_TIMER,
	};
	int i;

	for (i = 0; i < num_slots; i++) {
		slots[i].kind = kinds[i % ARRAY_SIZE(kinds)];
		slots[i].q = queues[i / 8 % QUEUES].q;
		slots[i].level = i / 32 % 4 == 0;
		slots[i].loose = i / 128 % 4 == 0;
		/* two threads that take them may swap two events */
		if (slots[i].kind == SLOT_USER && i / 8 % QUEUES == SHARED)
			slots[i].loose = false;
		slot_open(&slots[i]);
	}
}

static struct queue *queue_of_thread(int i)
{
	return &queues[i < QUEUES ? i : SHARED];
}

static void start(struct thread *t, int num, void *(*run)(void *))
{
	int i;

	for (i = 0; i < num; i++) {
		t[i].seed = (uint32_t)now_ns() * 2 + 1 + i * 2;
		t[i].queue = queue_of_thread(i);
		thread_start(&t[i].thread, run, &t[i]);
	}
}

static void join(struct thread *t, int num)
{
	while (num--)
		thread_join(&t[num].thread);
}

/* Whatever was sent has been received, or is lost. */
static void settle(void)
{
	struct slot *s;
	bool waits;

	for (s = slots; s < slots + num_slots; s++) {
		do {
			slot_lock(s);
			waits = s->sent != s->got && !check_lost(s);
			slot_unlock(s);
			if (waits)
				usleep(1000);
		} while (waits);
	}
}

/* Slots of which nobody heard for long are found while it goes on, too. */
static void go_on_for(uint64_t ns)
{
	uint64_t end = now_ns() + ns, next = now_ns() + 30 * SECOND;

	while (now_ns() < end) {
		usleep(100000);
		if (now_ns() < next)
			continue;
		next += 30 * SECOND;
		NOTE("%llu events, %llu lost, %llu stale",
		     (unsigned long long)tally.events,
		     (unsigned long long)tally.lost,
		     (unsigned long long)tally.stale);
	}
}

static void run_threads(uint64_t ns)
{
	static struct thread producers[PRODUCERS], consumers[QUEUES + 1],
			     clients[CLIENTS];

	set(&producers_stop, false);
	set(&consumers_stop, false);
	start(consumers, QUEUES + 1, consume);
	start(producers, PRODUCERS, produce);
	start(clients, CLIENTS, connect_and_talk);
	go_on_for(ns);
	set(&producers_stop, true);
	join(producers, PRODUCERS);
	join(clients, CLIENTS);
	settle();
	set(&consumers_stop, true);
	join(consumers, QUEUES + 1);
}

struct figures {
	uint64_t merged;
	uint64_t overflowed;
};

/* Queues first, with all that they watch. */
static void close_all(struct figures *f)
{
	int i;

	for (i = 0; i < QUEUES; i++) {
		f->merged += kev_stat(queues[i].q, "merged");
		f->overflowed += kev_stat(queues[i].q, "overflowed");
		kev_close(queues[i].q,
			  queues[i].how == COPIED ? NULL : &queues[i].ring);
	}
	for (i = 0; i <= num_slots + CONNECTIONS; i++) {
		if (slots[i].open)
			slot_close_files(&slots[i]);
		slots[i].open = false;
		slots[i].gen++;
	}
}

static struct figures soak_round(uint64_t ns)
{
	struct figures f = { 0 };

	make_queues();
	make_listener();
	make_slots();
	run_threads(ns);
	close_all(&f);
	return f;
}

/* ---- Memory ----------------------------------------------------------------------------- */

/* With KASAN, what is freed stays for long, unless it is asked for. */
static void shrink_caches(void)
{
	glob_t caches;
	size_t i;
	FILE *f;

	if (test_scale() == 1 ||
	    glob("/sys/kernel/slab/*/shrink", GLOB_NOSORT, NULL, &caches))
		return;
	for (i = 0; i < caches.gl_pathc; i++) {
		f = fopen(caches.gl_pathv[i], "we");
		if (f) {
			fputs("1\n", f);
			fclose(f);
		}
	}
	globfree(&caches);
}

/* What the kernel itself uses, KB. */
static long kernel_memory(void)
{
	static const char *const parts[] = {
		"Slab", "VmallocUsed", "Percpu", "KernelStack", "PageTables",
	};
	char line[128], name[64];
	long sum = 0, kb;
	unsigned int i;
	FILE *f;

	f = fopen("/proc/sys/vm/drop_caches", "we");
	CHECK(f && fputs("2\n", f) > 0 && !fclose(f));
	f = fopen("/proc/meminfo", "re");
	CHECK(f);
	while (fgets(line, sizeof(line), f))
		for (i = 0; i < ARRAY_SIZE(parts); i++)
			if (sscanf(line, "%63[^:]: %ld", name, &kb) == 2 &&
			    !strcmp(name, parts[i]))
				sum += kb;
	fclose(f);
	return sum;
}

static uint64_t watches_of_user(void)
{
	struct kevent_ioc_info info;
	int q = kev_queue(NULL, 0);

	CHECK_EQ(kevent_info(q, &info), 0);
	close(q);
	return info.watches;
}

/* ---- The test --------------------------------------------------------------------------- */

static long setting(const char *name, long otherwise)
{
	const char *value = getenv(name);

	return value && *value ? atol(value) : otherwise;
}

static void prepare(void)
{
	struct rlimit limit;

	num_slots = setting("KEVENT_SOAK_WATCHES", 5000);
	CHECK_LT(num_slots + CONNECTIONS + 1, 1 << SLOT_BITS);
	limit.rlim_cur = limit.rlim_max = 2 * num_slots + 1000;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	slots = calloc(num_slots + CONNECTIONS + 1, sizeof(*slots));
	CHECK(slots);
}

static void report(const struct figures *f, long watches, long grown)
{
	printf("# soak: %ld watches, sent %llu, events %llu, merged %llu, overflowed %llu, opened %llu, connections %llu, cut %llu, lost %llu, stale %llu, wrong %llu; at the end watches %llu, memory %+ld KB (tolerance %d)\n",
	       watches, (unsigned long long)tally.sent,
	       (unsigned long long)tally.events, (unsigned long long)f->merged,
	       (unsigned long long)f->overflowed,
	       (unsigned long long)tally.opened,
	       (unsigned long long)tally.connections,
	       (unsigned long long)tally.cut, (unsigned long long)tally.lost,
	       (unsigned long long)tally.stale, (unsigned long long)tally.wrong,
	       (unsigned long long)watches_of_user(), grown, TOLERANCE_KB);
	fflush(stdout);
}

TEST_TIMEOUT(every_edge_and_no_other, 120)
{
	uint64_t ns = setting("KEVENT_SOAK_SECONDS", 10 * test_scale()) * SECOND;
	uint64_t before = watches_of_user();
	struct figures f;
	long memory;

	prepare();
	/* once to fill the kernel's caches */
	soak_round(SECOND);
	CHECK_SOON(watches_of_user() == before);
	sleep(1);
	shrink_caches();
	memory = kernel_memory();

	f = soak_round(ns);
	CHECK_SOON(watches_of_user() == before);
	shrink_caches();
	CHECK_SOON(kernel_memory() < memory + TOLERANCE_KB || usleep(200000));
	report(&f, num_slots, kernel_memory() - memory);
	CHECK_EQ(tally.lost, 0);
	CHECK_EQ(tally.stale, 0);
	CHECK_EQ(tally.wrong, 0);
	/* it was all there */
	CHECK_GT(f.merged, 0);
	CHECK_GT(f.overflowed, 0);
	CHECK_GT(tally.connections, 0);
	CHECK_GT(tally.events, tally.sent / 2);
}
