// SPDX-License-Identifier: GPL-2.0
/*
 * Tests that a wake-up alone is no event: files wake who watches them although
 * nothing that was asked for is ready. No event comes of that, a one-shot is not
 * used up by it, and what is true comes after it.
 */
#include "kinds.h"

#include <termios.h>

/**
 * struct lie - a file that wakes for nothing
 * @name: for messages.
 * @type: of the watch.
 * @event: what it asks for.
 * @poll: the same in poll's bits.
 * @bits: what the true event has.
 * @make: fills in the fds; not ready.
 * @wake: wakes, and @event is not ready; NULL: it only tells the truth.
 * @raise: it is ready.
 * @lower: and not ready.
 */
struct lie {
	const char *name;
	unsigned int type;
	unsigned int event;
	short poll;
	unsigned int bits;
	void (*make)(struct thing *t);
	void (*wake)(struct thing *t);
	void (*raise)(struct thing *t);
	void (*lower)(struct thing *t);
};

/* ---- The files ------------------------------------------------------------- */

static void write_nothing(struct thing *t)
{
	uint64_t zero = 0;

	CHECK_EQ(write(t->peer >= 0 ? t->peer : t->fd, &zero, 8), 8);
}

static void send_urgent(struct thing *t)
{
	CHECK_EQ(send(t->peer, "!", 1, MSG_OOB), 1);
	wait_poll(t->fd, POLLPRI);
}

static void send_plain(struct thing *t)
{
	send_byte(t->peer);
	wait_poll(t->fd, POLLIN);
}

/* Also the urgent byte, which is none any more once a read has passed it. */
static void read_all(struct thing *t)
{
	char c;

	recv(t->fd, &c, 1, MSG_OOB);
	drain(t->fd);
}

/* A terminal that has something to read when there are four bytes. */
static void make_patient_tty(struct thing *t)
{
	struct termios term;

	kind_make_pty(t);
	kind_ends(t, t->peer, t->fd);
	CHECK_OK(tcgetattr(t->fd, &term));
	cfmakeraw(&term);
	term.c_cc[VMIN] = 4;
	term.c_cc[VTIME] = 0;
	CHECK_OK(tcsetattr(t->fd, TCSANOW, &term));
	set_nonblock(t->fd);
}

static void wait_typed(int fd, int n)
{
	int have;

	CHECK_SOON(ioctl(fd, FIONREAD, &have) == 0 && have == n);
}

static void type_one(struct thing *t)
{
	send_byte(t->peer);
	wait_typed(t->fd, 1);
}

static void type_enough(struct thing *t)
{
	CHECK_EQ(write(t->peer, "abcd", 4), 4);
	wait_poll(t->fd, POLLIN);
}

static void read_typed(struct thing *t)
{
	CHECK_OK(tcflush(t->fd, TCIFLUSH));
}

static void read_bytes(int fd, size_t n)
{
	char buf[4096];

	CHECK_EQ(read(fd, buf, n), n);
}

/* Pages that are not empty are no room. */
static void read_one_of_page(struct thing *t)
{
	read_bytes(t->peer, 1);
}

static void read_page(struct thing *t)
{
	read_bytes(t->peer, 4096);
}

/*
 * The master of a terminal in packet mode: it tells of its slave's state.  The
 * wake-up names IN alone, and is for nobody who asks for PRI alone, in poll(2) too.
 */
static void make_packet_tty(struct thing *t)
{
	int on = 1;

	kind_make_pty(t);
	CHECK_OK(ioctl(t->fd, TIOCPKT, &on));
}

static void stop_output(struct thing *t)
{
	CHECK_OK(tcflow(t->peer, TCOOFF));
}

static void start_output(struct thing *t)
{
	CHECK_OK(tcflow(t->peer, TCOON));
	drain(t->fd);
}

/* Any signal of the process wakes a signalfd. */
static sigset_t other_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 2);
	return set;
}

/* Before threads are started, which must not take it. */
static void make_signalfd(struct thing *t)
{
	sigset_t set = other_signal();

	CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
	kind_make_signalfd(t);
}

static void send_other_signal(struct thing *t)
{
	const struct timespec now = { 0 };
	sigset_t set = other_signal();

	(void)t;
	CHECK_OK(kill(getpid(), SIGRTMIN + 2));
	CHECK_EQ(sigtimedwait(&set, NULL, &now), SIGRTMIN + 2);
}

/* ---- The table -------------------------------------------------------------- */

#define LIE(name_, type_, event_, poll_, make_, wake_, raise_, lower_)	\
	{ name_, type_, event_, poll_, event_, make_, wake_, raise_, lower_ }

enum {
	LIE_EVENTFD,
	LIE_EPOLL,
	LIE_URGENT,
	LIE_URGENT_SOCKET,
	LIE_NOT_URGENT,
	LIE_TTY,
	LIE_FULL_PIPE,
	LIE_FULL_PIPE_SEND,
	LIE_PACKET,
	LIE_SIGNALFD,
	LIE_MAX,
};

static const struct lie lies[LIE_MAX] = {
	[LIE_EVENTFD] = LIE("eventfd, 0 is written", KEVENT_POLL, POLLIN,
			    POLLIN, kind_make_eventfd, write_nothing,
			    kind_raise_counter, kind_lower_counter),
	[LIE_EPOLL] = LIE("epoll of such an eventfd", KEVENT_POLL, POLLIN,
			  POLLIN, kind_make_epoll, write_nothing,
			  kind_raise_counter, kind_lower_epoll),
	[LIE_URGENT] = LIE("an urgent byte, IN asked", KEVENT_POLL, POLLIN,
			   POLLIN, kind_make_tcp, send_urgent, send_plain,
			   read_all),
	[LIE_URGENT_SOCKET] = LIE("an urgent byte, RECV asked", KEVENT_SOCKET,
				  KEVENT_SOCKET_RECV, POLLIN, kind_make_tcp,
				  send_urgent, send_plain, read_all),
	[LIE_NOT_URGENT] = LIE("a plain byte, PRI asked", KEVENT_POLL, POLLPRI,
			       POLLPRI, kind_make_tcp, send_plain, send_urgent,
			       read_all),
	[LIE_TTY] = LIE("a terminal below VMIN", KEVENT_POLL, POLLIN, POLLIN,
			make_patient_tty, type_one, type_enough, read_typed),
	[LIE_FULL_PIPE] = LIE("a byte out of a full pipe", KEVENT_POLL,
			      POLLOUT, POLLOUT, kind_make_full_pipe,
			      read_one_of_page, read_page, kind_lower_room),
	[LIE_FULL_PIPE_SEND] = LIE("a byte out of a full pipe, SEND asked",
				   KEVENT_PIPE, KEVENT_PIPE_SEND, POLLOUT,
				   kind_make_full_pipe, read_one_of_page,
				   read_page, kind_lower_room),
	[LIE_PACKET] = LIE("packet mode, PRI and IN asked", KEVENT_POLL,
			   POLLPRI | POLLIN, POLLPRI | POLLIN,
			   make_packet_tty, NULL, stop_output, start_output),
	[LIE_SIGNALFD] = LIE("another signal than the signalfd's", KEVENT_POLL,
			     POLLIN, POLLIN, make_signalfd,
			     send_other_signal, kind_raise_signalfd,
			     kind_lower_counter),
};

/* ---- All kinds of watches ---------------------------------------------------- */

/* How events are taken. */
enum taking {
	GET,		/* by GET_EVENTS, without a ring */
	GET_RINGED,	/* by GET_EVENTS, with a ring */
	IN_PLACE,	/* from the ring */
	TAKINGS,
};

static const char *const taking_names[] = {
	"no ring", "a ring, GET_EVENTS", "in place",
};

/**
 * struct trial - a watch of one file
 * @lie: the file.
 * @flags: of the watch.
 * @taking: how.
 * @q: the queue.
 * @ring: its ring.
 * @t: the file.
 */
struct trial {
	const struct lie *lie;
	unsigned int flags;
	enum taking taking;
	int q;
	struct kevent_ring ring;
	struct thing t;
};

#define TRIAL_FAIL(trial, text, ...)					\
	FAIL("%s, flags %#x, %s: " text, (trial)->lie->name,		\
	     (trial)->flags, taking_names[(trial)->taking], ##__VA_ARGS__)

/* Takes one event, if there is one. */
static bool trial_next(struct trial *trial, struct ukevent *uk)
{
	const struct ukevent *e;

	if (trial->taking != IN_PLACE)
		return CHECK_OK(kevent_get_events(trial->q, 0, 1, NULL, uk, 0));
	e = kevent_ring_next(&trial->ring);
	if (e)
		*uk = *e;
	return e;
}

static void trial_none(struct trial *trial, const char *when)
{
	struct ukevent uk;
	int i;

	for (i = 0; i < 2; i++)
		if (trial_next(trial, &uk))
			TRIAL_FAIL(trial, "%s, and an event of %#x", when,
				   uk.ret_data[0]);
}

static void trial_true(struct trial *trial)
{
	const struct lie *lie = trial->lie;
	struct ukevent uk;

	if (trial->taking != IN_PLACE)
		uk = take(trial->q);
	else
		CHECK_SOON(trial_next(trial, &uk));
	if (uk.ret_data[0] != lie->bits || uk.ptr != (uint64_t)trial->t.fd)
		TRIAL_FAIL(trial, "an event of %#x, expected %#x",
			   uk.ret_data[0], lie->bits);
}

static struct ukevent trial_add(struct trial *trial)
{
	return kev_add(trial->q, trial->lie->type, trial->t.fd,
		       trial->lie->event, trial->flags);
}

/* What has had its event is armed again, for the next round. */
static void trial_rearm(struct trial *trial)
{
	struct ukevent uk;

	if (trial->flags & KEVENT_REQ_ONESHOT) {
		if (trial->taking == IN_PLACE)
			CHECK_OK(kevent_ring_call(&trial->ring));
		if (watches_of(trial->q))
			TRIAL_FAIL(trial, "the one-shot is still there");
		uk = trial_add(trial);
	} else if (trial->flags & KEVENT_REQ_DISPATCH) {
		uk = kev_modify(trial->q, trial->lie->type, trial->t.fd,
				trial->lie->event, trial->flags);
	} else {
		return;
	}
	if (uk.ret_flags)
		TRIAL_FAIL(trial, "found ready: %#x", uk.ret_data[0]);
}

static void trial_wake(struct trial *trial)
{
	struct pollfd p = { .fd = trial->t.fd, .events = trial->lie->poll };

	if (!trial->lie->wake)
		return;
	trial->lie->wake(&trial->t);
	trial_none(trial, "a wake-up for nothing");
	CHECK_EQ(poll(&p, 1, 0), 0);
	if (watches_of(trial->q) != 1)
		TRIAL_FAIL(trial, "the watch has ended");
	if (trial->taking != GET && kev_tail(&trial->ring) != kev_seen(&trial->ring))
		TRIAL_FAIL(trial, "an entry is there");
}

static void trial_round(struct trial *trial)
{
	trial_wake(trial);
	trial->lie->raise(&trial->t);
	trial_true(trial);
	trial->lie->lower(&trial->t);
	trial_none(trial, "not ready any more");
	trial_rearm(trial);
}

static void try(const struct lie *lie, unsigned int flags, enum taking taking)
{
	struct trial trial = {
		.lie = lie,
		.flags = flags,
		.taking = taking,
		.t = { .fd = -1, .peer = -1, .extra = -1, .spool = -1 },
	};
	int i;

	trial.q = kev_queue(&trial.ring, taking == GET ? 0 : 16);
	lie->make(&trial.t);
	CHECK_EQ(trial_add(&trial).ret_flags, 0);
	for (i = 0; i < 3; i++)
		trial_round(&trial);
	thing_drop(&trial.t);
	kev_close(trial.q, taking == GET ? NULL : &trial.ring);
}

static void try_all(const struct lie *lie)
{
	static const unsigned int flags[] = {
		0, KEVENT_REQ_ET, KEVENT_REQ_ONESHOT, KEVENT_REQ_DISPATCH,
	};
	enum taking taking;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		for (taking = GET; taking < TAKINGS; taking++) {
			try(lie, flags[i], taking);
			try(lie, flags[i] | KEVENT_REQ_LAST_CHECK, taking);
			try(lie, flags[i] | KEVENT_REQ_TIMESTAMP, taking);
		}
	}
}

#define LIE_TEST(name_, which_)						\
	TEST(name_)							\
	{								\
		try_all(&lies[LIE_##which_]);				\
	}

LIE_TEST(eventfd_of_nothing, EVENTFD)
LIE_TEST(epoll_of_nothing, EPOLL)
LIE_TEST(urgent_byte, URGENT)
LIE_TEST(urgent_byte_of_socket, URGENT_SOCKET)
LIE_TEST(byte_that_is_not_urgent, NOT_URGENT)
LIE_TEST(terminal_below_its_minimum, TTY)
LIE_TEST(byte_out_of_a_full_pipe, FULL_PIPE)
LIE_TEST(byte_out_of_a_full_pipe_send, FULL_PIPE_SEND)
LIE_TEST(all_bits_in_packet_mode, PACKET)
LIE_TEST(signal_of_others, SIGNALFD)

/* ---- Who sleeps, sleeps on ---------------------------------------------------- */

static void sleep_on_get(const struct lie *lie, struct thing *t, int q)
{
	struct kev_getter g;
	int i;

	kev_getter_prep(&g, q);
	kev_getter_start(&g);
	for (i = 0; lie->wake && i < 3; i++) {
		lie->wake(t);
		wait_blocked(g.thread.tid);
		CHECK(!kev_getter_over(&g));
		lie->lower(t);
	}
	lie->raise(t);
	CHECK_EQ(kev_getter_join(&g), 1);
	CHECK_EQ(g.uk[0].ret_data[0], lie->bits);
}

static void sleep_on_wait(const struct lie *lie, struct thing *t,
			  struct kevent_ring *ring)
{
	struct kev_sleeper s;
	int i;

	kev_sleeper_prep(&s, ring->fd);
	kev_sleeper_start(&s);
	for (i = 0; lie->wake && i < 3; i++) {
		lie->wake(t);
		wait_blocked_in(s.thread.tid, SYS_ioctl);
		CHECK(!kev_sleeper_over(&s));
		lie->lower(t);
	}
	lie->raise(t);
	CHECK_EQ(kev_sleeper_join(&s), 1);
	kev_expect(ring, t->fd, lie->bits);
}

static void sleep_on(const struct lie *lie, struct kevent_ring *ring, int q)
{
	struct thing t = { .fd = -1, .peer = -1, .extra = -1, .spool = -1 };

	lie->make(&t);
	kev_add(q, lie->type, t.fd, lie->event, KEVENT_REQ_ET);
	if (ring)
		sleep_on_wait(lie, &t, ring);
	else
		sleep_on_get(lie, &t, q);
	thing_drop(&t);
	kev_close(q, ring);
}

TEST(sleepers_sleep_on)
{
	struct kevent_ring ring;
	unsigned int i;

	for (i = 0; i < LIE_MAX; i++) {
		sleep_on(&lies[i], NULL, kev_queue(NULL, 0));
		sleep_on(&lies[i], &ring, kev_queue(&ring, 16));
	}
}

/* ---- What is asked decides ---------------------------------------------------- */

/* The same urgent byte is nothing to who asks for IN, and then all to PRI. */
static void urgent_asked_after(unsigned int flags)
{
	int q = kev_queue(NULL, 0), fds[2];
	struct ukevent uk;
	char c;

	tcp_pair(fds);
	kev_add_poll(q, fds[0], POLLIN, flags);
	CHECK_EQ(send(fds[1], "!", 1, MSG_OOB), 1);
	wait_poll(fds[0], POLLPRI);
	take_none(q);
	uk = kev_modify(q, KEVENT_POLL, fds[0], POLLPRI, flags);
	CHECK(uk.ret_flags & KEVENT_RET_DONE);
	CHECK_EQ(uk.ret_data[0], POLLPRI);
	CHECK_EQ(recv(fds[0], &c, 1, MSG_OOB), 1);
	uk = kev_modify(q, KEVENT_POLL, fds[0], POLLIN, flags);
	CHECK_EQ(uk.ret_flags, 0);
	take_none(q);
	send_byte(fds[1]);
	CHECK_EQ(take(q).ret_data[0], POLLIN);
	close(fds[0]);
	close(fds[1]);
	kev_close(q, NULL);
}

TEST(urgent_byte_asked_after)
{
	urgent_asked_after(0);
	urgent_asked_after(KEVENT_REQ_ET);
	urgent_asked_after(KEVENT_REQ_DISPATCH);
	urgent_asked_after(KEVENT_REQ_LAST_CHECK);
}

/* An edge that is named as IN has OUT as well, if that holds and was asked for. */
TEST(all_bits_that_hold)
{
	static const int some[] = {
		KIND_EVENTFD, KIND_TCP, KIND_STREAM, KIND_UDP, KIND_SEQPACKET,
	};
	int q = kev_queue(NULL, 0);
	struct thing t;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(some); i++) {
		thing_make(&t, &kinds[some[i]]);
		kev_add_poll(q, t.fd, POLLIN | POLLOUT, KEVENT_REQ_ET);
		thing_raise(&t);
		CHECK_EQ(take(q).ret_data[0], POLLIN | POLLOUT);
		take_none(q);
		thing_drop(&t);
	}
}
