// SPDX-License-Identifier: GPL-2.0
/* Hooks go when nobody needs them, and come back, as often as that happens. */
/* vm: --param hook_linger=0 --smp 1 */
#include "../source/posix_timer.h"

#include <sys/mount.h>

#define ROUNDS 10

static char traced[64];

/* Functions that are probed: those of everybody in the machine. */
static void mount_tracefs(void)
{
	char dir[] = "/tmp/tracefs.XXXXXX";

	CHECK(mkdtemp(dir));
	CHECK_OK(mount("tracefs", dir, "tracefs", 0, NULL));
	snprintf(traced, sizeof(traced), "%s/enabled_functions", dir);
}

static bool is_hooked(const char *function)
{
	size_t len = strlen(function);
	bool found = false;
	char line[512];
	FILE *f;

	f = fopen(traced, "re");
	CHECK(f);
	while (fgets(line, sizeof(line), f))
		found |= !strncmp(line, function, len) && line[len] == ' ';
	fclose(f);
	return found;
}

TEST_TIMEOUT(close_hook, 120)
{
	int i, q, fd;

	mount_tracefs();
	for (i = 0; i < ROUNDS; i++) {
		CHECK_SOON(!is_hooked("__fput"));
		q = kev_queue(NULL, 0);
		CHECK(is_hooked("__fput"));
		fd = eventfd(0, 0);
		kev_add_poll(q, fd, POLLIN, KEVENT_REQ_ET);
		CHECK_EQ(watches_of(q), 1);
		close(fd);
		CHECK_EQ(watches_of(q), 0);
		kev_close(q, NULL);
	}
	CHECK_SOON(!is_hooked("__fput"));
}

TEST_TIMEOUT(posix_timer_hook, 120)
{
	int i, q, id;

	mount_tracefs();
	signal(PT_SIGNAL, SIG_IGN);
	for (i = 0; i < ROUNDS; i++) {
		CHECK_SOON(!is_hooked("posix_timer_fn"));
		q = kev_queue(NULL, 0);
		id = pt_create(CLOCK_MONOTONIC);
		if (kev_try(q, KEVENT_CTL_ADD, KEVENT_POSIX_TIMER, id, 1, 0))
			SKIP("no POSIX timers on this kernel");
		CHECK(is_hooked("posix_timer_fn"));
		CHECK(is_hooked("common_timer_set"));
		CHECK_OK(syscall(SYS_timer_delete, id));
		CHECK_EQ(watches_of(q), 0);
		kev_close(q, NULL);
	}
	CHECK_SOON(!is_hooked("posix_timer_fn"));
}

TEST_TIMEOUT(signal_hook, 120)
{
	uint64_t taken = SIGUSR1 | KEVENT_SIGNAL_NOMASK;
	int i, q;

	mount_tracefs();
	for (i = 0; i < ROUNDS; i++) {
		CHECK_SOON(!is_hooked("prepare_signal"));
		q = kev_queue(NULL, 0);
		if (kev_try(q, KEVENT_CTL_ADD, KEVENT_SIGNAL, taken, 1, 0))
			SKIP("no NOMASK on this kernel");
		CHECK(is_hooked("prepare_signal"));
		CHECK_OK(raise(SIGUSR1));
		CHECK_EQ(take(q).ret_data[1], 1);
		kev_close(q, NULL);
	}
	CHECK_SOON(!is_hooked("prepare_signal"));
}
