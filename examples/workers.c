// SPDX-License-Identifier: GPL-2.0
/*
 * A pool of workers: threads that take jobs from one queue, each job once, and end when
 * all are done.  "workers N" adds up the squares of 1 to N.  Jobs are private events with
 * a payload; when there is no room for one more, who gives them out does one itself.
 * They come in order, so the last one tells the workers to stop: it is passed on.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <kevent.h>

#define WORKERS	4
#define JOBS	1	/* number of the private event */
#define STOP	0	/* a job that is none */
#define SPIN	20000	/* ns: jobs come in quick succession */

static struct kevent_ring ring;
static unsigned long long sum;

static void work(uint64_t job)
{
	__atomic_fetch_add(&sum, job * job, __ATOMIC_RELAXED);
}

static int give(uint64_t job)
{
	return kevent_fire(ring.fd, JOBS, 1, job);
}

static void *worker(void *arg)
{
	struct ukevent uk;
	int n;

	for (;;) {
		n = kevent_ring_take_wait(&ring, &uk, 1, SPIN, NULL);
		if (n < 0 && errno != EINTR)
			abort();
		if (n <= 0)
			continue;
		if (uk.ptr == STOP)
			break;
		work(uk.ptr);
	}
	give(STOP);	/* for the next one; there is room, as jobs are over */
	return arg;
}

/* Gives out a job; while there is no room, does one. */
static int give_or_work(uint64_t job)
{
	struct ukevent uk;

	while (give(job) < 0) {
		if (errno != EAGAIN)
			return -1;
		if (kevent_ring_take(&ring, &uk, 1))
			work(uk.ptr);
	}
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t job, jobs = argc > 1 ? strtoull(argv[1], NULL, 0) : 100000;
	int i, queue = kevent_init(&ring, 256, KEVENT_WAKE_LIFO, 0);
	pthread_t threads[WORKERS];
	struct ukevent uk;

	kevent_prep(&uk, KEVENT_UNOTIFY, JOBS, 1, KEVENT_REQ_PAYLOAD, 0);
	uk.param[0] = 64;	/* so many may wait beside those in the ring */
	if (queue < 0 || kevent_add(queue, &uk) < 0)
		return 1;
	for (i = 0; i < WORKERS; i++)
		if (pthread_create(&threads[i], NULL, worker, NULL))
			return 1;
	for (job = 1; job <= jobs; job++)
		if (give_or_work(job) < 0)
			return 1;
	if (give_or_work(STOP) < 0)
		return 1;
	for (i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	printf("%llu\n", sum);
	return kevent_destroy(&ring) < 0;
}
