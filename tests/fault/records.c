// SPDX-License-Identifier: GPL-2.0
/* READ of records, with each chance to fail made to fail: none is lost. */
/* kernel: debug debug-rt */
#include "sources.h"

#define RECORDS 3

static char buf[4096] __attribute__((aligned(8)));

/* Whole records; s->n counts the bytes that were read. */
static int call_read(struct scene *s)
{
	uint32_t lost;
	int n = read_raw(s->q, s->uk[1].cookie, buf + s->n, sizeof(buf) - s->n,
			 &lost);

	if (n < 0)
		return errno;
	CHECK_EQ(lost, 0);
	s->n += n;
	return 0;
}

/* A call may have copied some only. */
static void read_rest(struct scene *s, int len)
{
	while (s->n < len) {
		int before = s->n;

		CHECK_EQ(call_read(s), 0);
		CHECK_GT(s->n, before);
	}
	CHECK_EQ(s->n, len);
	CHECK_EQ(call_read(s), 0);
	CHECK_EQ(s->n, len);
}

static void set_up_names(struct scene *s)
{
	int i;

	directory_make(s);
	CHECK_EQ(fault_add(s), 0);
	for (i = 0; i < RECORDS; i++) {
		char name[] = { 'a' + i, 0 };

		make_file(name);
	}
	s->n = 0;
}

static void check_names(struct scene *s)
{
	const struct kevent_record_inode *r;
	int i;

	read_rest(s, RECORDS * 24);
	for (i = 0; i < RECORDS; i++) {
		r = (const void *)(buf + 24 * i);
		CHECK_EQ(r->len, 24);
		CHECK_EQ(r->event, KEVENT_INODE_CREATE);
		CHECK_EQ(r->name[0], 'a' + i);
		CHECK_OK(unlink(r->name));
	}
	CHECK_EQ(take(s->q).ret_data[1], RECORDS);
	CHECK_EQ(close(s->fd), 0);
	CHECK_EQ(watches_of(s->q), 0);
}

FAULT_TEST(names, call_read,
	   .set_up = set_up_names, .check = check_names, .must = { EFAULT })

static void set_up_senders(struct scene *s)
{
	int i;

	nomask_make(s);
	CHECK_EQ(fault_add(s), 0);
	for (i = 0; i < RECORDS; i++)
		send_value(SIGUSR1, i);
	s->n = 0;
}

static void check_senders(struct scene *s)
{
	const struct kevent_record_signal *r = (const void *)buf;
	int i;

	read_rest(s, RECORDS * sizeof(*r));
	for (i = 0; i < RECORDS; i++) {
		CHECK_EQ(r[i].value & 0xffffffff, i);
		CHECK_EQ(r[i].pid, getpid());
	}
	CHECK_EQ(take(s->q).ret_data[1], RECORDS);
}

FAULT_TEST(senders, call_read,
	   .set_up = set_up_senders, .check = check_senders,
	   .must = { EFAULT })
