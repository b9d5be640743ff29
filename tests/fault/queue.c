// SPDX-License-Identifier: GPL-2.0
/* The life of a queue, with each chance to fail made to fail: INIT to close. */
/* kernel: debug debug-rt */
#include "sources.h"

#include <sys/epoll.h>

/* ---- open, INIT ------------------------------------------------------------- */

static int call_open(struct scene *s)
{
	s->fd = kevent_open();
	return s->fd < 0 ? errno : 0;
}

static void close_fd(struct scene *s)
{
	CHECK_EQ(close(s->fd), 0);
}

FAULT_TEST(open, call_open,
	   .no_queue = true, .tear_down = close_fd,
	   .must = { ENOMEM }, .may = { EFAULT })

/* As a program that repeats the call: with what came back of the first. */
static struct kevent_ioc_init init;

static void set_up_init(struct scene *s, unsigned int slots)
{
	memset(&init, 0, sizeof(init));
	init.ring_size = slots;
	init.policy = KEVENT_WAKE_LIFO;
	init.first_index = 7;
	s->fd = CHECK_OK(kevent_open());
}

static void set_up_init_none(struct scene *s)
{
	set_up_init(s, 0);
}

static void set_up_init_small(struct scene *s)
{
	set_up_init(s, 4);
}

/* The arrays take more than a page. */
static void set_up_init_large(struct scene *s)
{
	set_up_init(s, 1024);
}

static int call_init(struct scene *s)
{
	return ioctl(s->fd, KEVENT_IOC_INIT, &init) ? errno : 0;
}

static void check_init_none(struct scene *s)
{
	kev_add_user(s->fd, 3);
	kev_fire(s->fd, 3, 1);
	kev_expect_get(s->fd, 3, 1);
}

static void check_init(struct scene *s)
{
	struct kevent_ring ring;

	CHECK_EQ(init.entries_len, init.ring_size < 64 ? 4096 :
		 init.ring_size * sizeof(struct ukevent));
	CHECK_OK(kevent_ring_map(&ring, s->fd, &init));
	CHECK_EQ(ring.mask + 1, init.ring_size);
	CHECK_EQ(kev_tail(&ring), 7);
	kev_add_user(s->fd, 3);
	kev_fire(s->fd, 3, 1);
	kev_expect(&ring, 3, 1);
	kevent_ring_unmap(&ring);
}

FAULT_TEST(init_without_ring, call_init,
	   .no_queue = true, .set_up = set_up_init_none,
	   .check = check_init_none, .tear_down = close_fd,
	   .must = { EFAULT })

FAULT_TEST(init, call_init,
	   .no_queue = true, .set_up = set_up_init_small,
	   .check = check_init, .tear_down = close_fd,
	   .must = { ENOMEM, EFAULT })

FAULT_TEST(init_large, call_init,
	   .no_queue = true, .set_up = set_up_init_large,
	   .check = check_init, .tear_down = close_fd,
	   .must = { ENOMEM, EFAULT })

/* ---- mmap -------------------------------------------------------------------- */

static void set_up_mmap(struct scene *s)
{
	set_up_init(s, 1024);
	CHECK_EQ(call_init(s), 0);
}

static int call_mmap(struct scene *s)
{
	/* all or nothing */
	return kevent_ring_map(&s->ring, s->fd, &init) ? errno : 0;
}

static void check_mmap(struct scene *s)
{
	CHECK_EQ(kev_tail(&s->ring), 7);
	CHECK_EQ(kev_entry(&s->ring, 1023)->type, 0);
	kev_free_to(&s->ring, 7);
	kevent_ring_unmap(&s->ring);
	s->ring.kernel = NULL;
	close_fd(s);
}

FAULT_TEST(mmap, call_mmap,
	   .no_queue = true, .set_up = set_up_mmap, .check = check_mmap,
	   .must = { ENOMEM })

/* ---- Asking about it ----------------------------------------------------------- */

/* An event that must be there afterwards. */
static void set_up_event(struct scene *s)
{
	kev_add_user(s->q, 3);
	kev_fire(s->q, 3, 1);
}

static void check_event(struct scene *s)
{
	kev_expect_get(s->q, 3, 1);
	kev_expect_get_none(s->q);
}

static int call_info(struct scene *s)
{
	struct kevent_ioc_info info;

	if (kevent_info(s->q, &info))
		return errno;
	CHECK_EQ(info.queue_watches, 1);
	return 0;
}

FAULT_TEST(info, call_info,
	   .set_up = set_up_event, .check = check_event, .must = { EFAULT })

static int call_fdinfo(struct scene *s)
{
	char path[64], text[1024];
	ssize_t n;
	int fd, err = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", s->q);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		err = errno;
	close(fd);
	if (err)
		return err;
	text[n] = 0;
	CHECK(strstr(text, "\nwatches:\t1\nposted:\t1\n"));
	return 0;
}

FAULT_TEST(fdinfo, call_fdinfo,
	   .set_up = set_up_event, .check = check_event,
	   .must = { ENOMEM, EFAULT })

/* ---- Polling it ------------------------------------------------------------------ */

static int call_poll(struct scene *s)
{
	struct pollfd p = { .fd = s->q, .events = POLLIN };

	if (poll(&p, 1, 0) < 0)
		return errno;
	CHECK_EQ(p.revents, POLLIN);
	return 0;
}

FAULT_TEST(poll, call_poll,
	   .set_up = set_up_event, .check = check_event, .must = { EFAULT },
	   .may = { ENOMEM })

static void set_up_epoll(struct scene *s)
{
	s->fd = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));
}

static int call_epoll(struct scene *s)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = 9 };

	return epoll_ctl(s->fd, EPOLL_CTL_ADD, s->q, &ev) ? errno : 0;
}

static void check_epoll(struct scene *s)
{
	struct epoll_event ev;
	int i;

	for (i = 0; i < 2; i++) {
		CHECK_EQ(epoll_wait(s->fd, &ev, 1, 0), 0);
		if (!i)
			kev_add_user(s->q, 3);
		kev_fire(s->q, 3, 1);
		CHECK_EQ(epoll_wait(s->fd, &ev, 1, 10000), 1);
		CHECK_EQ(ev.data.u32, 9);
		check_event(s);
	}
}

FAULT_TEST(epoll, call_epoll,
	   .set_up = set_up_epoll, .check = check_epoll, .tear_down = close_fd,
	   .must = { ENOMEM, EFAULT })

/* By another queue. */
static void set_up_nested(struct scene *s)
{
	s->peer = kev_queue(NULL, 0);
	kevent_prep(&s->uk[0], KEVENT_POLL, s->peer, POLLIN, 0, s->peer);
}

static void check_nested(struct scene *s)
{
	kev_add_user(s->peer, 3);
	kev_fire(s->peer, 3, 1);
	CHECK_EQ(take(s->q).ptr, s->peer);
	kev_expect_get(s->peer, 3, 1);
}

static void tear_down_nested(struct scene *s)
{
	kev_close(s->peer, NULL);
	CHECK_EQ(watches_of(s->q), 0);
}

FAULT_TEST(nested, fault_add,
	   .set_up = set_up_nested, .check = check_nested,
	   .tear_down = tear_down_nested, .must = { ENOMEM, EFAULT })

/* ---- close ------------------------------------------------------------------------- */

/* Nothing that is watched closes otherwise than it would unwatched. */
static void set_up_watched(struct scene *s)
{
	thing_make(&s->t, &kinds[KIND_PIPE_RECV]);
	thing_add(s->q, &s->t, KEVENT_REQ_CLOSED);
	thing_raise(&s->t);
}

static int call_close_file(struct scene *s)
{
	return close(s->t.fd) ? errno : 0;
}

static void check_close_file(struct scene *s)
{
	CHECK(take(s->q).ret_flags & KEVENT_RET_CLOSED);
	kev_expect_get_none(s->q);
	CHECK_EQ(watches_of(s->q), 0);
	CHECK_ERRNO(write(s->t.peer, "x", 1), EPIPE);
	thing_drop_rest(&s->t);
}

FAULT_TEST(close_of_a_file, call_close_file,
	   .set_up = set_up_watched, .check = check_close_file)

static const struct actor *const all_actors[] = {
#define ACTOR_POINTER(name_) &actor_##name_,
	FOR_ALL_ACTORS(ACTOR_POINTER)
};

/* With something of everything in it that can be in one queue. */
static void set_up_close(struct scene *s)
{
	unsigned int i;

	kevent_ring_unmap(&s->ring);
	s->ring.kernel = NULL;
	set_up_watched(s);
	for (i = 0; i < ARRAY_SIZE(all_actors); i++) {
		if (all_actors[i] == &actor_payload ||
		    all_actors[i] == &actor_large_payload)
			continue;	/* an id of its own has the other */
		if (all_actors[i]->end)
			continue;
		all_actors[i]->make(s);
		CHECK_EQ(fault_add(s), 0);
	}
	directory_make(s);
	CHECK_EQ(fault_add(s), 0);
	ptimer_make(s);
	CHECK_EQ(fault_add(s), 0);
	directory_act(s);
}

static int call_close(struct scene *s)
{
	if (close(s->q))
		return errno;
	s->q = -1;
	return 0;
}

static void check_close(struct scene *s)
{
	send_byte(s->t.peer);
	CHECK_EQ(close(s->t.fd), 0);
	CHECK_ERRNO(write(s->t.peer, "x", 1), EPIPE);
	thing_drop_rest(&s->t);
	ptimer_end(s);
	unlink("a-name-that-takes-some-room-in-the-record");
	CHECK_EQ(close(s->fd), 0);
}

FAULT_TEST(close, call_close, .set_up = set_up_close, .check = check_close)
