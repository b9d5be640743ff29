// SPDX-License-Identifier: GPL-2.0
/* Tests circles of queues and epolls: refused or harmless, never endless. */
#include "net.h"

TEST_USER(itself)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16), dup;

	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_POLL, q, POLLIN, 0), EINVAL);
	dup = CHECK_OK(fcntl(q, F_DUPFD_CLOEXEC, 0));
	CHECK_EQ(kev_try(q, KEVENT_CTL_ADD, KEVENT_POLL, dup, POLLIN, 0),
		 EINVAL);
	CHECK_EQ(kev_try(dup, KEVENT_CTL_ADD, KEVENT_POLL, q, POLLIN, 0),
		 EINVAL);
	CHECK_EQ(watches_of(q), 0);
}

TEST_USER(before_init)
{
	struct kevent_ring ring;
	int q = kev_queue(&ring, 16), fresh = kevent_open(), error;

	CHECK_OK(fresh);
	error = kev_try(q, KEVENT_CTL_ADD, KEVENT_POLL, fresh, POLLIN, 0);
	CHECK(!error || error == EINVAL || error == EPERM);
	close(fresh);
	CHECK_EQ(watches_of(q), 0);
}

/* ---- The work that a circle makes -------------------------------------------- */

static unsigned long long posts(struct net *net)
{
	unsigned long long sum = 0;
	int i;

	for (i = 0; i < net->num; i++)
		if (net->node[i].queue)
			sum += kev_stat(net->node[i].fd, "posted") +
			       kev_stat(net->node[i].fd, "merged");
	return sum;
}

/* Time that CPUs spent in interrupts, in ticks: all there is in a quiet VM. */
static unsigned long long irq_ticks(void)
{
	unsigned long long v[7];
	FILE *f = fopen("/proc/stat", "re");

	CHECK(f);
	CHECK_EQ(fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu", &v[0],
			&v[1], &v[2], &v[3], &v[4], &v[5], &v[6]), 7);
	fclose(f);
	return v[5] + v[6];
}

/* What soft interrupts there were so far: of what kind was it too much? */
static void show_softirqs(void)
{
	FILE *f = fopen("/proc/softirqs", "re");
	char line[1024];

	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		NOTE("%s", line);
	}
	fclose(f);
}

/* No interrupts to speak of in a fifth of a second? */
static bool irqs_rest(void)
{
	struct timespec pause = { .tv_nsec = 200000000 };
	unsigned long long ticks = irq_ticks();

	clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	/* Of 20 in this time on each CPU. */
	return irq_ticks() - ticks <= 10;
}

/* The same, and no events? */
static bool quiet_now(struct net *net)
{
	unsigned long long before = posts(net);
	bool rest = irqs_rest();

	CHECK_LE(posts(net) - before, 100);
	return rest;
}

/* Nobody does anything: nothing must happen.  A slow kernel ends something first. */
static void quiet(struct net *net)
{
	unsigned int tries = test_scale();

	while (!quiet_now(net)) {
		show_softirqs();
		CHECK_GT(--tries, 0);
	}
}

static void take_some(struct net *net)
{
	int i, round;

	for (round = 0; round < 20; round++)
		for (i = 0; i < net->num; i++)
			node_take(&net->node[i]);
}

static void ask_all(struct net *net)
{
	struct pollfd p = { .events = POLLIN };
	int i;

	for (i = 0; i < net->num; i++) {
		p.fd = net->node[i].fd;
		CHECK_OK(poll(&p, 1, 0));
	}
}

/* ---- Rings of n nodes ------------------------------------------------------ */

static void make_circle(struct net *net, bool edge)
{
	int i;

	link_ok(node_link(&net->node[0], net->source, edge));
	for (i = 0; i < net->num; i++)
		link_ok(node_link(&net->node[(i + 1) % net->num],
				  net->node[i].fd, edge));
}

static void circle(int num, uint64_t pattern, bool edge)
{
	struct net net;
	int i;

	/* A slow kernel is still freeing what was closed before. */
	if (test_scale() > 1)
		CHECK_SOON(irqs_rest());
	net_make(&net, num, pattern);
	make_circle(&net, edge);
	for (i = 0; i < 3; i++) {
		source_raise(&net);
		ask_all(&net);
		take_some(&net);
		source_lower(&net);
		take_some(&net);
	}
	ask_all(&net);
	quiet(&net);
	net_close(&net, edge);
}

TEST_USER_TIMEOUT(two, 60)
{
	uint64_t pattern;

	for (pattern = 1; pattern < 4; pattern++) {
		circle(2, pattern, false);
		circle(2, pattern, true);
	}
}

TEST_USER_TIMEOUT(three, 60)
{
	uint64_t pattern;

	for (pattern = 1; pattern < 8; pattern++) {
		circle(3, pattern, false);
		circle(3, pattern, true);
	}
}

TEST_USER_TIMEOUT(long_circles, 60)
{
	static const uint64_t patterns[] = {
		0xffffffffff, 0x5555555555, 0xaaaaaaaaaa, 0x1, 0xfffff,
		0x123456789a,
	};
	unsigned int i;

	for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		circle(40, patterns[i], false);
		circle(40, patterns[i], true);
	}
}

/* Everybody watches everybody. */
TEST_USER_TIMEOUT(all_with_all, 60)
{
	struct net net;
	int i, j;

	net_make(&net, 8, 0xb7);
	for (i = 0; i < net.num; i++) {
		link_ok(node_link(&net.node[i], net.source, true));
		for (j = 0; j < net.num; j++)
			if (i != j)
				link_ok(node_link(&net.node[i], net.node[j].fd,
						  (i + j) & 1));
	}
	for (i = 0; i < 5; i++) {
		source_raise(&net);
		ask_all(&net);
		take_some(&net);
		source_lower(&net);
	}
	take_some(&net);
	quiet(&net);
	net_close(&net, false);
}

/* ---- With sleepers, and with a liar ------------------------------------------ */

struct sleeper {
	struct test_thread thread;
	struct net *net;
	int node;
};

static void *sleep_and_take(void *arg)
{
	struct timespec limit = { .tv_nsec = 20000000 };
	struct sleeper *s = arg;
	struct node *n = &s->net->node[s->node];
	struct epoll_event ev;
	struct ukevent uk;

	while (!__atomic_load_n(&s->net->stop, __ATOMIC_RELAXED)) {
		if (n->queue)
			kevent_get_events(n->fd, 1, 1, &limit, &uk, 0);
		else
			epoll_wait(n->fd, &ev, 1, 20);
	}
	return NULL;
}

static void disturb(struct net *net, bool scribbled)
{
	uint64_t end = now_ns() + 700000000;
	struct sleeper s[NODES_MAX];
	struct test_thread liar;
	int i;

	for (i = 0; i < net->num; i++) {
		s[i].net = net;
		s[i].node = i;
		thread_start(&s[i].thread, sleep_and_take, &s[i]);
	}
	if (scribbled)
		thread_start(&liar, net_scribble, net);
	while (now_ns() < end) {
		source_raise(net);
		sched_yield();
		source_lower(net);
	}
	__atomic_store_n(&net->stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < net->num; i++)
		thread_join(&s[i].thread);
	if (scribbled)
		thread_join(&liar);
	net->stop = 0;
}

static void disturbed(int num, uint64_t pattern, bool edge, bool scribbled)
{
	struct net net;

	net_make(&net, num, pattern);
	make_circle(&net, edge);
	disturb(&net, scribbled);
	source_lower(&net);
	if (!scribbled) {
		take_some(&net);
		quiet(&net);
	}
	net_close(&net, false);
}

TEST_USER_TIMEOUT(with_sleepers, 60)
{
	disturbed(2, 3, false, false);
	disturbed(2, 3, true, false);
	disturbed(3, 5, false, false);
	disturbed(4, 0xa, true, false);
}

TEST_USER_TIMEOUT(with_sleepers_scribbled, 60)
{
	disturbed(2, 3, false, true);
	disturbed(2, 3, true, true);
	disturbed(3, 5, false, true);
	disturbed(6, 0x2a, true, true);
}

/* Circles that come and go while events run in them. */
static void *link_and_unlink(void *arg)
{
	struct net *net = arg;
	unsigned int seed = 9;

	while (!__atomic_load_n(&net->stop, __ATOMIC_RELAXED)) {
		struct node *n = &net->node[rand_r(&seed) % net->num];
		int fd = net->node[rand_r(&seed) % net->num].fd;

		if (rand_r(&seed) & 1)
			node_link(n, fd, rand_r(&seed) & 1);
		else if (n->queue)
			kev_try(n->fd, KEVENT_CTL_REMOVE, KEVENT_POLL, fd, 0, 0);
		else
			epoll_ctl(n->fd, EPOLL_CTL_DEL, fd, NULL);
	}
	return NULL;
}

TEST_USER_TIMEOUT(changing_links, 60)
{
	uint64_t end = now_ns() + 2000000000;
	struct test_thread linker[2], liar;
	struct net net;
	int i;

	net_make(&net, 8, 0xb7);
	for (i = 0; i < net.num; i++)
		link_ok(node_link(&net.node[i], net.source, i & 1));
	for (i = 0; i < 2; i++)
		thread_start(&linker[i], link_and_unlink, &net);
	thread_start(&liar, net_scribble, &net);
	while (now_ns() < end) {
		source_raise(&net);
		ask_all(&net);
		for (i = 0; i < net.num; i++)
			node_take(&net.node[i]);
		source_lower(&net);
	}
	__atomic_store_n(&net.stop, 1, __ATOMIC_RELAXED);
	thread_join(&liar);
	for (i = 0; i < 2; i++)
		thread_join(&linker[i]);
	net_close(&net, true);
}

/* A circle is closed in any order, with everything ready in it. */
TEST_USER(closed_while_ready)
{
	struct net net;
	int i;

	for (i = 0; i < 40; i++) {
		net_make(&net, 3 + i % 3, 0x15 + i);
		make_circle(&net, i & 1);
		source_raise(&net);
		if (i & 2)
			ask_all(&net);
		if (i & 4)
			close(net.node[1].fd);
		net_close(&net, i & 8);
	}
}
