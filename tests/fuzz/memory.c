// SPDX-License-Identifier: GPL-2.0
/*
 * Slots, and memory for the kernel: good, missing, read-only, the ring's own.
 * Copies to and from memory that may fault go through a memfd.
 */
#include "fuzz.h"

#include <err.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096u
#define GOOD_SIZE (FUZZ_MEMORY * FUZZ_PARTS)

/* ---- Slots ------------------------------------------------------------- */

void slot_set(uint64_t slot, int fd)
{
	int old = __atomic_exchange_n(&fuzz.fd[slot % FUZZ_FDS], fd,
				      __ATOMIC_SEQ_CST);

	if (old >= 0)
		close(old);
}

int slot_get(uint64_t slot)
{
	return __atomic_load_n(&fuzz.fd[slot % FUZZ_FDS], __ATOMIC_RELAXED);
}

struct fuzz_map *map_of(uint64_t queue, uint64_t area)
{
	return &fuzz.map[queue % FUZZ_QUEUES][area % 3];
}

/* ---- Memory ------------------------------------------------------------ */

/* Bytes with a page behind them that faults. */
static char *make_area(size_t size)
{
	char *at = mmap(NULL, size + PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED || mprotect(at + size, PAGE, PROT_NONE))
		err(2, "memory");
	return at;
}

static int make_memfd(void)
{
	int fd = memfd_create("scratch", 0);

	if (fd < 0 || ftruncate(fd, FUZZ_MEMORY))
		err(2, "memfd_create");
	return fd;
}

void memory_init(struct fuzz_thread *t)
{
	t->good = make_area(GOOD_SIZE);
	t->edge = make_area(FUZZ_MEMORY) + FUZZ_MEMORY;
	t->scratch = make_memfd();
	t->readonly_fd = make_memfd();
	t->readonly = mmap(NULL, FUZZ_MEMORY, PROT_READ, MAP_SHARED,
			   t->readonly_fd, 0);
	if (t->readonly == MAP_FAILED)
		err(2, "mmap");
}

static bool is_good(struct fuzz_thread *t, const char *at, size_t len)
{
	return at >= t->good && at + len <= t->good + GOOD_SIZE;
}

void store(struct fuzz_thread *t, void *to, const void *data, size_t len)
{
	if (is_good(t, to, len))
		memcpy(to, data, len);
	else if (pwrite(t->scratch, data, len, 0) != (ssize_t)len ||
		 pread(t->scratch, to, len, 0) < 0)
		return;
}

bool fetch(struct fuzz_thread *t, const void *from, void *data, size_t len)
{
	if (is_good(t, from, len)) {
		memcpy(data, from, len);
		return true;
	}
	return pwrite(t->scratch, from, len, 0) == (ssize_t)len &&
	       pread(t->scratch, data, len, 0) == (ssize_t)len;
}

static char *choose(struct fuzz_thread *t, uint64_t queue, uint64_t ptr,
		    size_t len)
{
	switch (ptr) {
	case P_NULL:
		return NULL;
	case P_HALF:
		return t->edge - (len / 2 & ~7ul);
	case P_READONLY:
		return t->readonly;
	case P_KERNEL:
		return (char *)0xffff888000001000ul;
	case P_USER_PAGE:
		return map_of(queue, 1)->at;
	case P_ENTRIES:
		return map_of(queue, 2)->at;
	case P_EDGE:
		return t->edge - len;
	}
	return t->good + t->turn++ % FUZZ_PARTS * FUZZ_MEMORY;
}

void *place(struct fuzz_thread *t, uint64_t queue, uint64_t ptr,
	    const void *data, size_t len)
{
	char *to = choose(t, queue, ptr, len < FUZZ_MEMORY ? len : FUZZ_MEMORY);

	if (!data)
		return to;
	if (ptr == P_READONLY && pwrite(t->readonly_fd, data, len, 0) < 0)
		return to;
	if (ptr != P_READONLY && to)
		store(t, to, data, len);
	return to;
}
