// SPDX-License-Identifier: GPL-2.0
/* The three mappings: right size, place and protection, and no other. */
#include "kev.h"

#include <stdio.h>

struct area {
	off_t offset;
	size_t len;
	int prot;
};

static int queue_areas(struct area area[3], unsigned int num)
{
	struct kevent_ioc_init init;
	int q = CHECK_OK(kevent_open());

	memset(&init, 0, sizeof(init));
	init.ring_size = num;
	CHECK_EQ(ioctl(q, KEVENT_IOC_INIT, &init), 0);
	area[0] = (struct area){ KEVENT_MMAP_KERNEL, init.kernel_len,
				 PROT_READ };
	area[1] = (struct area){ KEVENT_MMAP_USER, init.user_len,
				 PROT_READ | PROT_WRITE };
	area[2] = (struct area){ KEVENT_MMAP_ENTRIES, init.entries_len,
				 PROT_READ };
	return q;
}

static void *map(int q, off_t offset, size_t len, int prot, int flags)
{
	return mmap(NULL, len, prot, flags, q, offset);
}

#define REFUSED(q, offset, len, prot, flags, error) do {		\
	errno = 0;							\
	CHECK(map(q, offset, len, prot, flags) == MAP_FAILED);		\
	CHECK_EQ(errno, error);						\
} while (0)

/* Protections may be refused in either way. */
#define FORBIDDEN(q, offset, len, prot, flags) do {			\
	errno = 0;							\
	CHECK(map(q, offset, len, prot, flags) == MAP_FAILED);		\
	CHECK(errno == EACCES || errno == EPERM || errno == EINVAL);	\
} while (0)

TEST(sizes)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	struct area area[3];
	int q = queue_areas(area, 256), i;

	for (i = 0; i < 3; i++) {
		struct area *a = &area[i];

		REFUSED(q, a->offset, a->len + page, a->prot, MAP_SHARED,
			EINVAL);
		REFUSED(q, a->offset, a->len + 64 * page, a->prot, MAP_SHARED,
			EINVAL);
		if (a->len > page)
			REFUSED(q, a->offset, a->len - page, a->prot,
				MAP_SHARED, EINVAL);
		CHECK(map(q, a->offset, a->len, a->prot, MAP_SHARED) !=
		      MAP_FAILED);
	}
}

TEST(offsets)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	struct area area[3];
	int q = queue_areas(area, 256), i;

	for (i = 0; i < 3; i++) {
		struct area *a = &area[i];

		REFUSED(q, a->offset + page, a->len, a->prot, MAP_SHARED,
			EINVAL);
		REFUSED(q, a->offset + 0x00800000, a->len, a->prot, MAP_SHARED,
			EINVAL);
		REFUSED(q, a->offset + 0x04000000, a->len, a->prot, MAP_SHARED,
			EINVAL);
		REFUSED(q, a->offset + 0x40000000, a->len, a->prot, MAP_SHARED,
			EINVAL);
	}
	REFUSED(q, 0x03000000, page, PROT_READ, MAP_SHARED, EINVAL);
}

TEST(writable)
{
	struct area area[3];
	int q = queue_areas(area, 4), i;

	for (i = 0; i < 3; i += 2) {
		FORBIDDEN(q, area[i].offset, area[i].len,
			  PROT_READ | PROT_WRITE, MAP_SHARED);
		FORBIDDEN(q, area[i].offset, area[i].len, PROT_WRITE,
			  MAP_SHARED);
	}
}

TEST(private)
{
	struct area area[3];
	int q = queue_areas(area, 4), i;

	for (i = 0; i < 3; i++) {
		FORBIDDEN(q, area[i].offset, area[i].len,
			  PROT_READ | PROT_WRITE, MAP_PRIVATE);
		FORBIDDEN(q, area[i].offset, area[i].len, PROT_READ,
			  MAP_PRIVATE);
	}
}

TEST(executable)
{
	struct area area[3];
	int q = queue_areas(area, 4), i;

	for (i = 0; i < 3; i++) {
		void *p;

		FORBIDDEN(q, area[i].offset, area[i].len, PROT_READ | PROT_EXEC,
			  MAP_SHARED);
		p = map(q, area[i].offset, area[i].len, area[i].prot,
			MAP_SHARED);
		CHECK(p != MAP_FAILED);
		CHECK_ERRNO(mprotect(p, area[i].len, PROT_READ | PROT_EXEC),
			    EACCES);
	}
}

TEST(writable_afterwards)
{
	struct area area[3];
	int q = queue_areas(area, 4), i;

	for (i = 0; i < 3; i += 2) {
		void *p = map(q, area[i].offset, area[i].len, PROT_READ,
			      MAP_SHARED);

		CHECK(p != MAP_FAILED);
		CHECK_ERRNO(mprotect(p, area[i].len, PROT_READ | PROT_WRITE),
			    EACCES);
		CHECK_ERRNO(mprotect(p, area[i].len, PROT_WRITE), EACCES);
	}
}

/* Less than the user's page allows is fine, and can be taken back. */
TEST(user_page_read_only)
{
	struct area area[3];
	int q = queue_areas(area, 4);
	uint32_t *p;

	p = map(q, KEVENT_MMAP_USER, area[1].len, PROT_READ | PROT_WRITE,
		MAP_SHARED);
	CHECK(p != MAP_FAILED);
	CHECK_OK(mprotect(p, area[1].len, PROT_READ));
	CHECK_EQ(p[0], 0);
	CHECK_OK(mprotect(p, area[1].len, PROT_READ | PROT_WRITE));
	p[0] = 0;
}

TEST(not_expandable)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	struct area area[3];
	int q = queue_areas(area, 4), i;

	for (i = 0; i < 3; i++) {
		void *p = map(q, area[i].offset, area[i].len, area[i].prot,
			      MAP_SHARED);

		CHECK(p != MAP_FAILED);
		CHECK(mremap(p, area[i].len, area[i].len + page,
			     MREMAP_MAYMOVE) == MAP_FAILED);
		CHECK_EQ(errno, EFAULT);
	}
}

/* dd: not dumped; dc: not inherited; de: not expandable. */
TEST(flags_of_mappings)
{
	struct kevent_ring ring;
	bool inside = false;
	unsigned int found = 0;
	char line[512];
	FILE *f;

	kev_queue(&ring, 4);
	f = fopen("/proc/self/smaps", "re");
	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, "/dev/kevent"))
			inside = true;
		if (!inside || strncmp(line, "VmFlags:", 8))
			continue;
		inside = false;
		found++;
		CHECK(strstr(line, " dd"));
		CHECK(strstr(line, " dc"));
		CHECK(strstr(line, " de"));
		CHECK(!strstr(line, " me"));
	}
	fclose(f);
	CHECK_EQ(found, 3);
}

static void refuse_all(int q)
{
	static const off_t offsets[] = {
		KEVENT_MMAP_KERNEL, KEVENT_MMAP_USER, KEVENT_MMAP_ENTRIES,
	};
	unsigned int i;

	for (i = 0; i < 3; i++) {
		CHECK(map(q, offsets[i], 4096, PROT_READ, MAP_SHARED) ==
		      MAP_FAILED);
		CHECK(errno == ENXIO || errno == EINVAL);
	}
}

TEST(before_init)
{
	refuse_all(CHECK_OK(kevent_open()));
}

TEST(without_ring)
{
	refuse_all(kev_queue(NULL, 0));
}

/* Mapped twice, both show the same. */
TEST(twice)
{
	struct kevent_ioc_init init;
	struct kevent_ring one, two;
	int q = CHECK_OK(kevent_open());

	memset(&init, 0, sizeof(init));
	init.ring_size = 4;
	CHECK_EQ(ioctl(q, KEVENT_IOC_INIT, &init), 0);
	CHECK_EQ(kevent_ring_map(&one, q, &init), 0);
	CHECK_EQ(kevent_ring_map(&two, q, &init), 0);
	kev_add_user(q, 1);
	kev_fire(q, 1, 3);
	kevent_ring_unmap(&one);
	kev_expect(&two, 1, 3);
}
