// SPDX-License-Identifier: GPL-2.0
/* Tests libkevent.so as a language sees it that has no headers: by name, version, offset. */
#include "test.h"

#include <dlfcn.h>

/* From the manual, as somebody would who binds another language. */
#define UNOTIFY		9
#define EVENT_BYTES	64
#define EVENT_BITS	24	/* offsets in an event */
#define EVENT_PTR	32

static void *library(void)
{
	void *handle = dlopen("libkevent.so.0", RTLD_NOW);

	if (!handle)
		FAIL("%s", dlerror());
	return handle;
}

static void *symbol(const char *name)
{
	void *found = dlvsym(library(), name, "KEVENT_0.2");

	if (!found)
		FAIL("%s", dlerror());
	return found;
}

#define FUNCTION(ret, name, ...) ret (*name)(__VA_ARGS__) = symbol(#name)

static uint64_t ptr_of(const void *event)
{
	uint64_t ptr;

	memcpy(&ptr, (const char *)event + EVENT_PTR, sizeof(ptr));
	return ptr;
}

/* A queue with a private event of number 1, whose ptr is 11; fired. */
static void *fired_queue(void)
{
	FUNCTION(void *, kevent_new, unsigned int, unsigned int, unsigned int);
	FUNCTION(int, kevent_fd, const void *);
	FUNCTION(void, kevent_prep, void *, unsigned int, uint64_t, unsigned int,
		 unsigned int, uint64_t);
	FUNCTION(int, kevent_add, int, void *);
	FUNCTION(int, kevent_fire, int, uint64_t, unsigned int, uint64_t);
	char change[EVENT_BYTES];
	void *ring = kevent_new(8, 0, 0);

	CHECK(ring);
	kevent_prep(change, UNOTIFY, 1, 6, 0, 11);
	CHECK_EQ(kevent_add(kevent_fd(ring), change), 0);
	CHECK_EQ(kevent_fire(kevent_fd(ring), 1, 2, 0), 0);
	return ring;
}

static void end(void *ring)
{
	FUNCTION(void, kevent_free, void *);

	kevent_free(ring);
}

/* The ring's iteration is functions, too. */
TEST(ring_in_place)
{
	FUNCTION(int, kevent_ring_wait, void *, const void *);
	FUNCTION(const char *, kevent_ring_more, void *);
	FUNCTION(int, kevent_ring_poll, void *, unsigned int);
	void *ring = fired_queue();
	const char *event;
	uint32_t bits;

	CHECK_EQ(kevent_ring_wait(ring, NULL), 1);
	event = kevent_ring_more(ring);
	CHECK(event);
	memcpy(&bits, event + EVENT_BITS, sizeof(bits));
	CHECK_EQ(bits, 2);
	CHECK_EQ(ptr_of(event), 11);
	CHECK(!kevent_ring_more(ring));
	CHECK_EQ(kevent_ring_poll(ring, 0), 0);
	end(ring);
}

TEST(ring_copied_out)
{
	FUNCTION(int, kevent_ring_take_wait, const void *, void *, unsigned int,
		 uint64_t, const void *);
	FUNCTION(unsigned int, kevent_ring_take, const void *, void *, unsigned int);
	void *ring = fired_queue();
	char events[4][EVENT_BYTES];

	CHECK_EQ(kevent_ring_take_wait(ring, events, 4, 0, NULL), 1);
	CHECK_EQ(ptr_of(events[0]), 11);
	CHECK_EQ(kevent_ring_take(ring, events, 4), 0);
	end(ring);
}

/* What is inline in C is not seen from outside unless it was promised. */
TEST(nothing_else)
{
	CHECK(!dlsym(library(), "kevent_ring_claim"));
	CHECK(!dlsym(library(), "kevent_set_timeout"));
}

TEST(texts)
{
	FUNCTION(const char *, kevent_unavailable, void);
	FUNCTION(const char *, kevent_strerror, unsigned long, unsigned int, int);

	CHECK(!kevent_unavailable());
	CHECK(strstr(kevent_strerror(0, UNOTIFY, EEXIST), "already"));
}
