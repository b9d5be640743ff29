// SPDX-License-Identifier: GPL-2.0
/*
 * Timers: one that repeats, one that is put off again and again, as a server puts off the
 * end of a connection that has done something, and one at a point in time.  None needs a
 * descriptor.  Prints what has expired.
 */
#include <stdio.h>
#include <kevent.h>

#define MS	1000000ull

enum { TICK = 1, IDLE, AT };

static struct kevent_ring ring;

static void add_tick(void)
{
	struct ukevent uk;

	kevent_prep_timer(&uk, TICK, 10 * MS, 10 * MS, CLOCK_MONOTONIC, 0, TICK);
	if (kevent_add(ring.fd, &uk) < 0)
		perror("tick");
}

/* Many ticks; MODIFY starts it anew. */
static void put_off(int (*change)(int, struct ukevent *))
{
	struct ukevent uk;

	kevent_prep_timer(&uk, IDLE, 500 * MS, 0, CLOCK_MONOTONIC, 0, IDLE);
	if (change(ring.fd, &uk) < 0)
		perror("idle");
}

static void add_at(void)
{
	struct timespec now;
	struct ukevent uk;

	clock_gettime(CLOCK_REALTIME, &now);
	kevent_prep_timer_at(&uk, AT, (uint64_t)now.tv_sec * 1000000000 +
			     (uint64_t)now.tv_nsec + 25 * MS, 0, CLOCK_REALTIME,
			     KEVENT_REQ_ONESHOT, AT);
	if (kevent_add(ring.fd, &uk) < 0)
		perror("at");
}

static void tick(const struct ukevent *uk, uint32_t *total)
{
	/* expiries that nobody has looked at yet are one event, and counted */
	uint32_t new = kevent_delta(total, uk->ret_data[1]);

	if (*total >= 10 && *total - new < 10)
		printf("ten ticks\n");
	if (*total < 10)
		put_off(kevent_modify);
}

int main(void)
{
	const struct ukevent *uk;
	uint32_t total = 0;
	int idle = 0;

	if (kevent_init(&ring, 8, KEVENT_WAKE_FIFO, 0) < 0)
		return 1;
	add_tick();
	add_at();
	put_off(kevent_add);
	while (!idle && (kevent_ring_wait(&ring, NULL) >= 0 || errno == EINTR))
		while ((uk = kevent_ring_more(&ring))) {
			if (uk->ptr == TICK)
				tick(uk, &total);
			else if (uk->ptr == AT)
				printf("the time has come\n");
			else
				idle = printf("idle\n");
		}
	kevent_remove(ring.fd, KEVENT_TIMER, TICK);
	return kevent_destroy(&ring) < 0 || total < 10;
}
