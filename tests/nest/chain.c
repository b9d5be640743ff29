// SPDX-License-Identifier: GPL-2.0
/* Tests chains of queues and epolls, short and 40 deep, by an ordinary user. */
#include "net.h"

/* Until nothing moves any more: bounded, or there is an endless wake-up. */
static void settle(struct net *net)
{
	int i, n, round;

	for (round = 0; round < 200; round++) {
		for (n = 0, i = net->num - 1; i >= 0; i--)
			n += node_take(&net->node[i]);
		if (!n)
			return;
	}
	FAIL("events without end");
}

/* ---- Three deep, in all eight orders ---------------------------------------- */

static void travels(uint64_t pattern, bool edge)
{
	struct net net;
	int i;

	net_make(&net, 3, pattern);
	CHECK(net_chain(&net, edge, false));
	for (i = 0; i < 5; i++) {
		source_raise(&net);
		wait_poll(net.node[2].fd, POLLIN);
		CHECK_EQ(node_take(&net.node[2]), 1);
		CHECK_EQ(node_take(&net.node[1]), 1);
		CHECK_EQ(node_take(&net.node[0]), 1);
		source_lower(&net);
		settle(&net);
	}
	net_close(&net, false);
}

TEST_USER(three_deep)
{
	uint64_t pattern;

	for (pattern = 0; pattern < 8; pattern++)
		travels(pattern, false);
}

TEST_USER(three_deep_edge)
{
	uint64_t pattern;

	for (pattern = 0; pattern < 8; pattern++)
		travels(pattern, true);
}

/* A sleeper at the top, and nobody who takes anything below it. */
TEST_USER(sleeper_at_the_top)
{
	struct kev_sleeper s;
	struct net net;

	net_make(&net, 3, 7);
	CHECK(net_chain(&net, true, false));
	kev_sleeper_prep(&s, net.node[2].fd);
	kev_sleeper_start(&s);
	source_raise(&net);
	CHECK_EQ(kev_sleeper_join(&s), 1);
	net_close(&net, true);
}

/* Level watches of a level queue: ready as long as the lowest is. */
TEST_USER(level_all_the_way)
{
	struct net net;
	int i;

	net_make(&net, 3, 7);
	CHECK(net_chain(&net, false, false));
	source_raise(&net);
	for (i = 0; i < 5; i++) {
		wait_poll(net.node[2].fd, POLLIN);
		CHECK_EQ(node_take(&net.node[2]), 1);
	}
	source_lower(&net);
	settle(&net);
	CHECK_EQ(node_take(&net.node[2]), 0);
	net_close(&net, false);
}

/* ---- Forty deep ------------------------------------------------------------ */

enum { DEEP = 40 };

static const uint64_t patterns[] = {
	0xffffffffffull,	/* queues */
	0,			/* epolls */
	0x5555555555ull,	/* by turns */
	0xaaaaaaaaaaull,
	0x3333333333ull,
	0x7777777777ull,
	0x00000fffffull,
	0xfffff00000ull,
	0x123456789aull,
	0xfedcba9876ull,
};

enum { PATTERNS = sizeof(patterns) / sizeof(patterns[0]) };

static void deep(uint64_t pattern, bool edge, bool from_top, bool scribbled)
{
	struct test_thread thread;
	struct net net;
	bool whole;
	int i;

	net_make(&net, DEEP, pattern);
	if (scribbled)
		thread_start(&thread, net_scribble, &net);
	whole = net_chain(&net, edge, from_top);
	for (i = 0; i < 5; i++) {
		source_raise(&net);
		if (whole && !scribbled && i == 0)
			wait_poll(net.node[DEEP - 1].fd, POLLIN);
		node_take(&net.node[DEEP - 1]);
		source_lower(&net);
		if (!scribbled)
			settle(&net);
	}
	if (scribbled) {
		__atomic_store_n(&net.stop, 1, __ATOMIC_RELAXED);
		thread_join(&thread);
	}
	net_close(&net, from_top);
}

static void all_patterns(bool from_top, bool scribbled)
{
	int i;

	for (i = 0; i < PATTERNS; i++) {
		deep(patterns[i], false, from_top, scribbled);
		deep(patterns[i], true, from_top, scribbled);
	}
}

TEST_USER_TIMEOUT(forty_from_the_bottom, 60)
{
	all_patterns(false, false);
}

TEST_USER_TIMEOUT(forty_from_the_top, 60)
{
	all_patterns(true, false);
}

TEST_USER_TIMEOUT(forty_scribbled, 60)
{
	all_patterns(false, true);
	all_patterns(true, true);
}

/* Everything hangs on one source, and everything fires at once. */
TEST_USER_TIMEOUT(wide_and_deep, 60)
{
	struct net net;
	int i;

	net_make(&net, DEEP, patterns[2]);
	net_chain(&net, true, false);
	for (i = 1; i < DEEP; i++)
		link_ok(node_link(&net.node[i], net.source, true));
	for (i = 0; i < 20; i++) {
		source_raise(&net);
		source_lower(&net);
	}
	settle(&net);
	net_close(&net, true);
}
