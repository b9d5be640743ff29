// SPDX-License-Identifier: GPL-2.0
/* The first of its kind, which arms a hook in the kernel: open, and some ADDs. */
/* kernel: debug debug-rt */
/* vm: --param hook_linger=0 */
#include "sources.h"

/* What is probed, by everybody in the machine. */
static bool is_hooked(const char *function)
{
	size_t len = strlen(function);
	bool found = false;
	char line[512];
	FILE *f;

	f = fopen("/sys/kernel/tracing/enabled_functions", "re");
	CHECK(f);
	while (fgets(line, sizeof(line), f))
		found |= !strncmp(line, function, len) && line[len] == ' ';
	fclose(f);
	return found;
}

/* ---- open ------------------------------------------------------------------------ */

static void set_up_open(struct scene *s)
{
	(void)s;
	CHECK_SOON(!is_hooked("__fput"));
}

static int call_open(struct scene *s)
{
	s->fd = kevent_open();
	return s->fd < 0 ? errno : 0;
}

/* It is the hook that this machine had from the beginning. */
static void check_open(struct scene *s)
{
	struct kevent_ioc_info info;
	struct kevent_ioc_init init;
	int fd = eventfd(0, 0);

	CHECK(is_hooked("__fput"));
	CHECK_OK(kevent_info(s->fd, &info));
	CHECK_EQ(info.features,
		 KEVENT_FEAT_CLOSE_FTRACE | KEVENT_FEAT_EPOLL);
	memset(&init, 0, sizeof(init));
	CHECK_OK(ioctl(s->fd, KEVENT_IOC_INIT, &init));
	kev_add_poll(s->fd, fd, POLLIN, 0);
	CHECK_EQ(watches_of(s->fd), 1);
	CHECK_EQ(close(fd), 0);
	CHECK_EQ(watches_of(s->fd), 0);
}

static void tear_down_open(struct scene *s)
{
	CHECK_EQ(close(s->fd), 0);
}

/* EFAULT: the path. */
FAULT_TEST(open, call_open,
	   .no_queue = true, .set_up = set_up_open, .check = check_open,
	   .tear_down = tear_down_open, .must = { ENOMEM }, .may = { EFAULT })

/* ---- ADD --------------------------------------------------------------------------- */

static void set_up_nomask(struct scene *s)
{
	CHECK_SOON(!is_hooked("prepare_signal"));
	nomask_make(s);
}

static void check_nomask(struct scene *s)
{
	CHECK(is_hooked("prepare_signal"));
	actor_check(s);
}

static void set_up_ptimer(struct scene *s)
{
	CHECK_SOON(!is_hooked("posix_timer_fn"));
	ptimer_make(s);
}

static void check_ptimer(struct scene *s)
{
	CHECK(is_hooked("posix_timer_fn"));
	actor_check(s);
}

ACTOR_TEST(signal, signal, fault_add,
	   .set_up = actor_set_up, .check = actor_check,
	   .must = { ENOMEM, EFAULT })

ACTOR_TEST(signal_nomask, nomask, fault_add,
	   .set_up = set_up_nomask, .check = check_nomask,
	   .must = { ENOMEM, EFAULT })

ACTOR_TEST(posix_timer, posix_timer, fault_add,
	   .set_up = set_up_ptimer, .check = check_ptimer,
	   .tear_down = actor_end, .must = { ENOMEM, EFAULT })
