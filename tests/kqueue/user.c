// SPDX-License-Identifier: GPL-2.0
/*
 * EVFILT_USER: NOTE_TRIGGER, by threads and signal handlers, what becomes of fflags and
 * data, level, EV_CLEAR, EV_ONESHOT, EV_DISPATCH.
 */
#include "kqueue.h"

static void trigger(int kq, uintptr_t ident)
{
	set(kq, ident, EVFILT_USER, EV_KEEPUDATA, NOTE_TRIGGER, 0, NULL);
}

TEST(level)
{
	int kq = new_kqueue();

	add(kq, 1, EVFILT_USER, 0);
	expect_none(kq);
	trigger(kq, 1);
	CHECK_EQ((uintptr_t)expect(kq, 1, EVFILT_USER).udata, 1);
	expect(kq, 1, EVFILT_USER);
	set(kq, 1, EVFILT_USER, EV_DELETE, 0, 0, NULL);
	expect_none(kq);
}

TEST(clear)
{
	int kq = new_kqueue();

	add(kq, 1, EVFILT_USER, EV_CLEAR);
	trigger(kq, 1);
	trigger(kq, 1);
	expect(kq, 1, EVFILT_USER);
	expect_none(kq);
	trigger(kq, 1);
	expect(kq, 1, EVFILT_USER);
	expect_none(kq);
}

TEST(added_triggered)
{
	int kq = new_kqueue();

	set(kq, 1, EVFILT_USER, EV_ADD | EV_ONESHOT, NOTE_TRIGGER, 0, NULL);
	expect(kq, 1, EVFILT_USER);
	expect_none(kq);
	CHECK_ERRNO(try_set(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL), ENOENT);
}

TEST(dispatch)
{
	int kq = new_kqueue();

	add(kq, 1, EVFILT_USER, EV_CLEAR | EV_DISPATCH);
	trigger(kq, 1);
	expect(kq, 1, EVFILT_USER);
	trigger(kq, 1);
	expect_none(kq);
	set(kq, 1, EVFILT_USER, EV_ENABLE, 0, 0, NULL);
	expect(kq, 1, EVFILT_USER);
	set(kq, 1, EVFILT_USER, EV_ENABLE, 0, 0, NULL);
	expect_none(kq);
}

TEST(disabled)
{
	int kq = new_kqueue();

	add(kq, 1, EVFILT_USER, EV_DISABLE);
	trigger(kq, 1);
	expect_none(kq);
	set(kq, 1, EVFILT_USER, EV_ENABLE, 0, 0, NULL);
	expect(kq, 1, EVFILT_USER);
	set(kq, 1, EVFILT_USER, EV_DISABLE, 0, 0, NULL);
	expect_none(kq);
}

static unsigned int after(int kq, unsigned int fflags)
{
	set(kq, 1, EVFILT_USER, 0, fflags | NOTE_TRIGGER, 0, NULL);
	return expect(kq, 1, EVFILT_USER).fflags;
}

TEST(fflags)
{
	int kq = new_kqueue();

	set(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR, 0xf0, 0, NULL);
	CHECK_EQ(after(kq, NOTE_FFNOP | 0xff), 0xf0);
	CHECK_EQ(after(kq, NOTE_FFAND | 0x3f), 0x30);
	CHECK_EQ(after(kq, NOTE_FFOR | 0x0f), 0x3f);
	CHECK_EQ(after(kq, NOTE_FFCOPY | 0x800001), 0x800001);
	/* without a trigger it is only kept */
	set(kq, 1, EVFILT_USER, 0, NOTE_FFOR | 2, 0, NULL);
	expect_none(kq);
	CHECK_EQ(after(kq, 0), 0x800003);
}

TEST(data)
{
	int kq = new_kqueue();

	add(kq, 1, EVFILT_USER, EV_CLEAR);
	set(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, -5, NULL);
	CHECK_EQ(expect(kq, 1, EVFILT_USER).data, -5);
}

static void *trigger_run(void *arg)
{
	int kq = *(int *)arg;

	trigger(kq, 1);
	return NULL;
}

/* Whoever waits is woken. */
TEST(by_thread)
{
	int kq = new_kqueue();
	struct test_thread t;

	add(kq, 1, EVFILT_USER, EV_CLEAR);
	thread_start(&t, trigger_run, &kq);
	await(kq, 1, EVFILT_USER);
	thread_join(&t);
}

static int the_kqueue;
static volatile uint32_t sent;

static void handler(int signo)
{
	struct kevent kev;
	int err = errno;

	(void)signo;
	EV_SET(&kev, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
	if (kevent(the_kqueue, &kev, 1, NULL, 0, NULL))
		abort();
	sent++;
	errno = err;
}

/* Of a handler, whatever its thread is just doing to the kqueue: no trigger is lost. */
TEST_TIMEOUT(by_handler, 60)
{
	struct itimerspec often = {
		.it_value.tv_nsec = 1000000 * test_scale(),
		.it_interval.tv_nsec = 1000000 * test_scale(),
	};
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct kevent kev;
	uint32_t before;
	timer_t timer;

	the_kqueue = new_kqueue();
	add(the_kqueue, 1, EVFILT_USER, EV_CLEAR);
	signal(SIGUSR1, handler);
	CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
	CHECK_OK(timer_settime(timer, 0, &often, NULL));
	while (sent < 1000) {
		add(the_kqueue, 2, EVFILT_USER, 0);
		set(the_kqueue, 2, EVFILT_USER, EV_DELETE, 0, 0, NULL);
		before = sent;
		if (look(the_kqueue, &kev, 1) || before == sent)
			continue;
		/* it was sent after the look, or in the midst of it */
		expect(the_kqueue, 1, EVFILT_USER);
	}
	memset(&often, 0, sizeof(often));
	CHECK_OK(timer_settime(timer, 0, &often, NULL));
	look(the_kqueue, &kev, 1);
	raise(SIGUSR1);
	expect(the_kqueue, 1, EVFILT_USER);
}

TEST(bad)
{
	int kq = new_kqueue();

	CHECK_ERRNO(try_set(kq, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL), ENOENT);
	CHECK_ERRNO(try_set(kq, 1, EVFILT_USER, EV_ADD, 0x02000000, 0, NULL), EINVAL);
}
