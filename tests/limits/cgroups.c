// SPDX-License-Identifier: GPL-2.0
/* Tests that a transfer's processor time and disk bandwidth are the caller's. */
/* kernel: [0-9]* */
/* vm: --icount --smp 2 */
#include "../source/cgroup.h"
#include "../source/disk.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#define MS	1000000ull

/* ---- Processor time ----------------------------------------------------------- */

/* So often that the limit stops it many times. */
#define BYTES	(16 * MB)
#define TIMES	6

static void reads_all(void *arg)
{
	static char buf[65536];

	while (read(*(int *)arg, buf, sizeof(buf)) > 0)
		;
}

/* How long it takes, with a reader that is not limited. */
static uint64_t time_to_send(int q, int sock, int file)
{
	uint64_t start = now_ns();
	struct ukevent uk;
	int i;

	for (i = 0; i < TIMES; i++) {
		aio_start(q, sock, file, 0, BYTES, 1);
		while (kevent_get_events(q, 1, 1, NULL, &uk, 0) != 1)
			;
		aio_check(&uk, 1, BYTES, AIO_GOOD);
	}
	return now_ns() - start;
}

TEST_TIMEOUT(processor, 60)
{
	int q = kev_queue(NULL, 0), file = file_make(BYTES), fds[2];
	uint64_t alone, limited;
	pid_t reader;

	unix_pair(SOCK_STREAM, fds);
	CHECK_OK(fcntl(fds[1], F_SETFL, 0));
	reader = start_child(reads_all, &fds[1]);
	alone = time_to_send(q, fds[0], file);
	cgroup_enter("aio-cpu", "cpu");
	cgroup_write("aio-cpu", "cpu.max", "2000 100000");
	limited = time_to_send(q, fds[0], file);
	cgroup_write("aio-cpu", "cpu.max", "max");
	NOTE("%llu ms, limited %llu ms", (unsigned long long)(alone / MS),
	     (unsigned long long)(limited / MS));
	CHECK_GE(limited, 3 * alone);
	kill(reader, SIGKILL);
}

/* ---- Disk bandwidth ------------------------------------------------------------ */

#define RATE	(256 * KB)	/* bytes a second */
#define PART	(1 * MB)

static void limit_disk(const struct disk *d)
{
	char text[64];
	struct stat st;

	CHECK_OK(fstat(d->dev, &st));
	cgroup_enter("aio-io", "io");
	snprintf(text, sizeof(text), "%u:%u rbps=%llu", major(st.st_rdev),
		 minor(st.st_rdev), RATE);
	cgroup_write("aio-io", "io.max", text);
}

/* Cold, but for what says where it is on the disk. */
static int cold_file(const struct disk *d)
{
	static char buf[65536];
	int file = disk_file(d);

	while (read(file, buf, sizeof(buf)) > 0)
		;
	make_cold(file);
	return file;
}

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000 * MS + ts.tv_nsec;
}

/*
 * A page comes every half second or so, and the call does not wait for the first.  Time
 * is counted in instructions here, a nanosecond each: some 1,700 us are these.
 */
static void start_cold(int q, int sock, int file)
{
	uint64_t start = now_ns(), cpu = cpu_ns();

	aio_start(q, sock, file, 0, PART, 1);
	cpu = cpu_ns() - cpu;
	start = now_ns() - start;
	NOTE("the call took %llu us, %llu of processor time",
	     (unsigned long long)(start / 1000),
	     (unsigned long long)(cpu / 1000));
	CHECK_LT(cpu, test_scale() * 4 * MS);
	CHECK_LT(start, test_scale() * 4 * MS);
}

/* What is in memory does not wait for the disk. */
static void send_warm(int q, int file)
{
	struct ukevent uk;
	int fds[2];

	tcp_pair(fds);
	CHECK_EQ(kevent_aio_sendfile(q, fds[0], file, 0, 5000, 2, &uk), 1);
	expect_file(fds[1], 0, 5000);
	close(fds[0]);
	close(fds[1]);
}

/*
 * The rate is kept, as the reads are the caller's, and neither the loop's timer nor a
 * file that is cached waits for them.
 */
TEST_TIMEOUT(disk, 60)
{
	struct disk d = disk_make();
	int fds[2], q = kev_queue(NULL, 0), file = cold_file(&d);
	int warm = file_make(5000);
	uint64_t start, last, late = 0;
	unsigned int ticks = 0;
	struct ukevent uk;

	kevent_prep_timer(&uk, 1, 20 * MS, 20 * MS, CLOCK_MONOTONIC, 0, 0);
	kev_change(q, KEVENT_CTL_ADD, &uk);
	tcp_pair(fds);
	limit_disk(&d);
	start = now_ns();
	start_cold(q, fds[0], file);
	last = now_ns();
	for (;;) {
		CHECK_EQ(kevent_get_events(q, 1, 1, NULL, &uk, 0), 1);
		drain(fds[1]);
		if (uk.type == KEVENT_AIO)
			break;
		if (now_ns() - last > late)
			late = now_ns() - last;
		last = now_ns();
		if (ticks++ % 10 == 0)
			send_warm(q, warm);
	}
	aio_check(&uk, 1, PART, AIO_GOOD);
	start = now_ns() - start;
	NOTE("%llu ms, the timer of 20 ms came %u times, after %llu ms at most",
	     (unsigned long long)(start / MS), ticks,
	     (unsigned long long)(late / MS));
	CHECK_GE(start, PART * 1000 * MS / RATE / 2);
	CHECK_LT(late, test_scale() * 40 * MS);
	close(fds[0]);
	close(file);
	disk_drop(&d);
}
