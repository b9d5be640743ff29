// SPDX-License-Identifier: GPL-2.0
/* The calls of the device itself, and its ring. */
#include "fuzz.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S	1000000000ull
#define WAIT_LONGEST	3000000ull

static const uint32_t areas[] = {
	KEVENT_MMAP_KERNEL, KEVENT_MMAP_USER, KEVENT_MMAP_ENTRIES,
};

/* ---- Queues and their memory ------------------------------------------- */

static int call(struct fuzz_thread *t, uint64_t q, unsigned long cmd,
		uint64_t ptr, void *arg, size_t len)
{
	void *p = place(t, q, ptr, arg, len);
	int ret = ioctl(slot_get(q), cmd, p);

	fetch(t, p, arg, len);
	return ret;
}

static void map_area(uint64_t q, uint64_t area, size_t len, int prot, int flags)
{
	struct fuzz_map *map = map_of(q, area);
	void *at;

	at = mmap(NULL, len, prot, flags, slot_get(q), areas[area % 3]);
	if (at == MAP_FAILED)
		return;
	if (map->at)
		munmap(map->at, map->len);
	map->at = at;
	map->len = len;
}

static void do_queue(struct fuzz_thread *t, const uint64_t *arg)
{
	(void)t;
	slot_set(arg[0], open("/dev/kevent", O_RDWR | O_CLOEXEC |
			      (arg[1] & 1 ? O_NONBLOCK : 0)));
}

static void do_init(struct fuzz_thread *t, const uint64_t *arg)
{
	struct kevent_ioc_init init = {
		.ring_size = arg[1],
		.policy = arg[2],
		.flags = arg[3],
		.first_index = arg[4],
		.reserved = { arg[5] },
	};
	uint64_t lens[3];
	uint32_t i;

	if (call(t, arg[0], KEVENT_IOC_INIT, arg[6], &init, sizeof(init)) < 0)
		return;
	lens[0] = init.kernel_len;
	lens[1] = init.user_len;
	lens[2] = init.entries_len;
	for (i = 0; i < 3; i++)
		if (lens[i] && lens[i] < 1ull << 30)
			map_area(arg[0], i, lens[i], PROT_READ |
				 (i == 1 ? PROT_WRITE : 0), MAP_SHARED);
}

static void do_open(struct fuzz_thread *t, const uint64_t *arg)
{
	uint64_t init[7] = { arg[0], arg[1], arg[2], arg[3] & 1, arg[4] };
	uint64_t queue[2] = { arg[0], arg[3] >> 1 };

	do_queue(t, queue);
	do_init(t, init);
}

static void do_map(struct fuzz_thread *t, const uint64_t *arg)
{
	struct fuzz_map *map = map_of(arg[0], arg[1]);
	size_t len = arg[2] ? arg[2] & 0xffffff : map->len;

	(void)t;
	map_area(arg[0], arg[1], len, arg[3] & 7,
		 arg[4] & 1 ? MAP_PRIVATE : MAP_SHARED);
}

static void do_unmap(struct fuzz_thread *t, const uint64_t *arg)
{
	struct fuzz_map *map = map_of(arg[0], arg[1]);
	char *at = __atomic_exchange_n(&map->at, NULL, __ATOMIC_SEQ_CST);

	(void)t;
	if (at)
		munmap(at, map->len);
}

static void do_remap(struct fuzz_thread *t, const uint64_t *arg)
{
	struct fuzz_map *map = map_of(arg[0], arg[1]);
	char *at = __atomic_exchange_n(&map->at, NULL, __ATOMIC_SEQ_CST);
	size_t len = arg[2] & 0xfffff;
	char *moved;

	(void)t;
	if (!at)
		return;
	moved = mremap(at, map->len, len, arg[3] & 1 ? MREMAP_MAYMOVE : 0);
	if (moved != MAP_FAILED)
		map->len = len;
	map->at = moved == MAP_FAILED ? at : moved;
}

static void do_protect(struct fuzz_thread *t, const uint64_t *arg)
{
	struct fuzz_map *map = map_of(arg[0], arg[1]);

	(void)t;
	if (map->at)
		mprotect(map->at, map->len, arg[2] & 7);
}

static void do_advise(struct fuzz_thread *t, const uint64_t *arg)
{
	static const int advice[] = {
		MADV_DONTNEED, MADV_DONTFORK, MADV_WIPEONFORK, MADV_REMOVE,
		MADV_COLD, MADV_PAGEOUT, MADV_POPULATE_WRITE, MADV_HUGEPAGE,
	};
	struct fuzz_map *map = map_of(arg[0], arg[1]);

	(void)t;
	if (map->at)
		madvise(map->at, map->len, advice[arg[2] % ARRAY_SIZE(advice)]);
}

/* ---- Indices of the ring ----------------------------------------------- */

static uint32_t load_index(struct fuzz_thread *t, uint64_t q, uint64_t base)
{
	struct fuzz_map *map = map_of(q, base == B_TAIL ? 0 : 1);
	uint32_t value = 0;
	size_t at = 0;

	if (base == B_HEAD)
		at = offsetof(struct kevent_ring_user, head);
	if (base && base < B_NUM && map->at)
		fetch(t, map->at + at, &value, sizeof(value));
	return value;
}

static uint32_t index_of(struct fuzz_thread *t, uint64_t q, uint64_t base,
			 uint64_t offset)
{
	return load_index(t, q, base) + (uint32_t)offset;
}

static void poke(struct fuzz_thread *t, uint64_t q, uint32_t word,
		 uint32_t value)
{
	struct fuzz_map *map = map_of(q, 1);

	if (map->at)
		store(t, map->at + word % 1024 * 4, &value, sizeof(value));
}

static void do_poke(struct fuzz_thread *t, const uint64_t *arg)
{
	poke(t, arg[0], arg[1], index_of(t, arg[0], arg[2], arg[3]));
}

/* What a consumer does: claims all, or only some, and frees it. */
static void do_take(struct fuzz_thread *t, const uint64_t *arg)
{
	uint32_t seen = load_index(t, arg[0], B_SEEN);
	uint32_t tail = load_index(t, arg[0], B_TAIL);

	if (arg[1] && tail - seen > arg[1])
		tail = seen + arg[1];
	poke(t, arg[0], 0, tail);
	if (!(arg[2] & 1))
		poke(t, arg[0], 1, tail);
}

/*
 * Writes without a call, so that another thread's calls see any values in any
 * order.  Where the page has been unmapped the program ends.
 */
static void do_hammer(struct fuzz_thread *t, const uint64_t *arg)
{
	struct fuzz_map *map = map_of(arg[0], 1);
	uint32_t tail = load_index(t, arg[0], B_TAIL);
	volatile uint32_t *word = (void *)map->at;
	uint32_t n = 1 + arg[1] % 2000, value = arg[2];

	if (!word || fuzz.program->threads == 1)
		return;
	while (n--) {
		value = value * 1664525 + 1013904223;
		word[value >> 30 & 1] = value & 0x10000 ?
			tail - 8 + (value >> 20 & 15) : value;
	}
}

/* ---- Changes ----------------------------------------------------------- */

static void remember_cookie(const struct ukevent *uk)
{
	uint32_t n = __atomic_fetch_add(&fuzz.cookies, 1, __ATOMIC_RELAXED);

	fuzz.cookie[n % FUZZ_COOKIES] = uk->cookie;
}

static uint64_t id_of(uint64_t type, uint64_t id)
{
	uint32_t low = id, high = id >> 32;

	switch (type) {
	case KEVENT_PROC:
		if (high == 1 && low < FUZZ_CHILDREN)
			return KEVENT_PROC_PID | (uint32_t)fuzz.child[low];
		/* fall through */
	case KEVENT_SOCKET:
	case KEVENT_INODE:
	case KEVENT_POLL:
	case KEVENT_PIPE:
		if (!(high & 0x7fffffff) && low < FUZZ_FDS)
			return (uint32_t)slot_get(low);
		return id;
	case KEVENT_POSIX_TIMER:
		return id < FUZZ_TIMERS ? (uint64_t)fuzz.timer[id] : id;
	case KEVENT_SIGNAL:
		/* bit 63 as it is; 0 to 7 are those that are sent most */
		return low < 8 ? (id & KEVENT_SIGNAL_NOMASK) |
			(const uint8_t[]){ 10, 12, 14, 17, 29, 13, 34, 40 }[low]
			: id;
	}
	return id;
}

static void fill(struct ukevent *uk, const uint64_t *arg)
{
	memset(uk, 0, sizeof(*uk));
	uk->type = arg[0];
	uk->id.raw_u64 = id_of(arg[0], arg[1]);
	uk->event = arg[2];
	uk->req_flags = arg[3];
	uk->ptr = arg[1] + 0x1000;
	uk->param[0] = arg[4];
	uk->param[1] = arg[5];
	uk->param[2] = arg[6];
	if ((arg[3] & KEVENT_REQ_COOKIE) && arg[4] < FUZZ_COOKIES)
		uk->cookie = fuzz.cookie[arg[4]];
}

static void do_ctl(struct fuzz_thread *t, const uint64_t *arg)
{
	struct kevent_ioc_ctl ctl = { .cmd = arg[1], .num = 1 };
	void *entry;
	struct ukevent uk;

	fill(&uk, arg + 2);
	entry = place(t, arg[0], arg[9], &uk, sizeof(uk));
	ctl.events = (uintptr_t)entry;
	ioctl(slot_get(arg[0]), KEVENT_IOC_CTL, &ctl);
	if (arg[1] == KEVENT_CTL_ADD && ctl.done && !ctl.failed &&
	    fetch(t, entry, &uk, sizeof(uk)))
		remember_cookie(&uk);
}

static void do_change(struct fuzz_thread *t, const uint64_t *arg)
{
	struct ukevent uk, *entry;

	fill(&uk, arg + 2);
	uk.req_flags |= KEVENT_REQ_CMD(arg[1]);
	entry = place(t, arg[0], arg[9], &uk, sizeof(uk));
	if (ioctl(slot_get(arg[0]), KEVENT_IOC_CHANGE, entry) >= 0 &&
	    arg[1] == KEVENT_CTL_ADD && fetch(t, entry, &uk, sizeof(uk)))
		remember_cookie(&uk);
}

static void do_entry(struct fuzz_thread *t, const uint64_t *arg)
{
	struct ukevent *uk = &fuzz.entry[arg[0] % FUZZ_ENTRIES];

	(void)t;
	fill(uk, arg + 1);
	uk->req_flags |= KEVENT_REQ_CMD(arg[8] & 3);
}

static void do_batch(struct fuzz_thread *t, const uint64_t *arg)
{
	struct kevent_ioc_ctl ctl = {
		.cmd = arg[1],
		.num = arg[2],
		.reserved = arg[3],
	};

	ctl.events = (uintptr_t)place(t, arg[0], arg[4], fuzz.entry,
				      sizeof(fuzz.entry));
	call(t, arg[0], KEVENT_IOC_CTL, arg[5], &ctl, sizeof(ctl));
}

/* ---- Waiting ----------------------------------------------------------- */

static struct __kernel_timespec time_of(uint64_t ns, uint64_t flags,
					uint64_t clock)
{
	struct __kernel_timespec kts;
	struct timespec now;

	if (ns > WAIT_LONGEST && ns < 1ull << 62)
		ns = WAIT_LONGEST;
	if ((flags & KEVENT_FLAGS_ABSTIME) && !clock_gettime(clock, &now))
		ns += now.tv_sec * NS_PER_S + now.tv_nsec;
	kts.tv_sec = (int64_t)ns / (int64_t)NS_PER_S;
	kts.tv_nsec = (int64_t)ns % (int64_t)NS_PER_S;
	return kts;
}

/* Few calls have no limit: the program's alarm has to end them. */
static uint32_t flags_of(uint64_t flags)
{
	const uint32_t both = KEVENT_FLAGS_TIMEOUT | KEVENT_FLAGS_SIGMASK;

	return (flags & both) == both ? flags & ~KEVENT_FLAGS_TIMEOUT :
	       flags | KEVENT_FLAGS_TIMEOUT;
}

static const sigset_t no_signal;

static void do_wait(struct fuzz_thread *t, const uint64_t *arg)
{
	struct kevent_ioc_wait wait = {
		.nchanges = arg[1],
		.flags = flags_of(arg[2]),
		.commit = index_of(t, arg[0], arg[3] & 3, (arg[3] >> 2) - 1),
		.last = index_of(t, arg[0], arg[4] & 3, (arg[4] >> 2) - 1),
		.min = arg[5],
		.clockid = arg[6],
		.timeout = time_of(arg[7], arg[2], arg[6]),
		.sigmask = (uintptr_t)&no_signal,
		.sigsetsize = 8,
	};

	wait.changes = (uintptr_t)place(t, arg[0], arg[8], fuzz.entry,
					sizeof(fuzz.entry));
	call(t, arg[0], KEVENT_IOC_WAIT, arg[9], &wait, sizeof(wait));
}

static void do_get(struct fuzz_thread *t, const uint64_t *arg)
{
	struct kevent_ioc_get get = {
		.min = arg[1],
		.max = arg[2],
		.flags = flags_of(arg[3]),
		.clockid = arg[4],
		.timeout = time_of(arg[5], arg[3], arg[4]),
		.sigmask = (uintptr_t)&no_signal,
		.sigsetsize = 8 + (arg[8] & 1),
	};

	get.events = (uintptr_t)place(t, arg[0], arg[6], NULL, FUZZ_MEMORY);
	call(t, arg[0], KEVENT_IOC_GET_EVENTS, arg[7], &get, sizeof(get));
}

static void do_read(struct fuzz_thread *t, const uint64_t *arg)
{
	size_t len = arg[1] & 0xfffff;
	void *to = place(t, arg[0], arg[2], NULL, len);

	if (read(slot_get(arg[0]), to, len) < 0)
		return;
}

static void do_commit(struct fuzz_thread *t, const uint64_t *arg)
{
	struct kevent_ioc_commit commit = {
		.head = index_of(t, arg[0], arg[1], arg[2]),
		.over = arg[3],
		.from = arg[4] & KEVENT_COMMIT_RANGE ?
			index_of(t, arg[0], arg[5], arg[6]) : 0,
		.flags = arg[4],
	};

	call(t, arg[0], KEVENT_IOC_COMMIT, arg[7], &commit, sizeof(commit));
}

static void do_wake(struct fuzz_thread *t, const uint64_t *arg)
{
	struct kevent_ioc_wake wake = { .num = arg[1], .reserved = arg[2] };

	call(t, arg[0], KEVENT_IOC_WAKE, arg[3], &wake, sizeof(wake));
}

static void do_info(struct fuzz_thread *t, const uint64_t *arg)
{
	struct kevent_ioc_info info = { .size = arg[1] };

	call(t, arg[0], KEVENT_IOC_INFO, arg[2], &info, sizeof(info));
}

static void do_record(struct fuzz_thread *t, const uint64_t *arg)
{
	struct kevent_ioc_read rec = {
		.cookie = arg[1] < FUZZ_COOKIES ? fuzz.cookie[arg[1]] : arg[1],
		.len = arg[2],
		.reserved = arg[3],
	};

	rec.buf = (uintptr_t)place(t, arg[0], arg[4], NULL, FUZZ_MEMORY);
	call(t, arg[0], KEVENT_IOC_READ, arg[5], &rec, sizeof(rec));
}

/* ---- Transfers --------------------------------------------------------- */

static void do_send(struct fuzz_thread *t, const uint64_t *arg)
{
	struct kevent_ioc_sendfile sf = {
		.sock = slot_get(arg[1]),
		.in_fd = slot_get(arg[2]),
		.offset = arg[3],
		.count = arg[4],
		.header_size = arg[5],
		.req_flags = arg[6],
	};

	sf.header = (uintptr_t)place(t, arg[0], arg[7], NULL, FUZZ_MEMORY);
	if (call(t, arg[0], KEVENT_IOC_AIO_SENDFILE, arg[8], &sf,
		 sizeof(sf)) >= 0)
		remember_cookie(&sf.result);
}

static void do_sendpath(struct fuzz_thread *t, const uint64_t *arg)
{
	static const char *const names[FUZZ_NAMES] = {
		"file0", "file1", "dir2", "dir3", "file4", "file5", "fifo6",
		"/dev/kevent",
	};
	struct kevent_ioc_sendfile sf = {
		.sock = slot_get(arg[1]),
		.path = (uintptr_t)names[arg[2] % FUZZ_NAMES],
		.count = arg[3],
		.header = (uintptr_t)t->good,
		.header_size = arg[4],
		.open_flags = (const uint32_t[]){
			0, O_CLOEXEC, O_NOFOLLOW, O_NOATIME, O_PATH, O_RDWR,
			O_CREAT, O_DIRECTORY }[arg[5] & 7],
		.req_flags = arg[6],
	};
	int fd = call(t, arg[0], KEVENT_IOC_AIO_SENDFILE_PATH, arg[8], &sf,
		      sizeof(sf));

	if (fd < 0)
		return;
	remember_cookie(&sf.result);
	slot_set(arg[7], fd);
}

/* Up to four: of an open file, by a name, and as before. */
static void do_sendmany(struct fuzz_thread *t, const uint64_t *arg)
{
	struct kevent_ioc_sendfile sf[4], begun;
	struct kevent_ioc_sendfiles all = {
		.num = arg[1] % (ARRAY_SIZE(sf) + 1),
		.reserved = arg[2],
	};
	uint32_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(sf); i++)
		sf[i] = (struct kevent_ioc_sendfile){
			.sock = slot_get(arg[3]),
			.in_fd = i & 1 ? 0 : slot_get(arg[4]),
			.path = i & 1 ? (uintptr_t)"file0" : 0,
			.count = arg[5],
			.req_flags = i & 2 ? KEVENT_REQ_ALWAYS_QUEUE : 0,
		};
	all.transfers = (uintptr_t)place(t, arg[0], arg[6], sf, sizeof(sf));
	ret = call(t, arg[0], KEVENT_IOC_AIO_SENDFILES, arg[7], &all,
		   sizeof(all));
	for (i = 0; ret > 0 && i < (uint32_t)ret; i++)
		if (fetch(t, (void *)(all.transfers + i * sizeof(begun)), &begun,
			  sizeof(begun)))
			remember_cookie(&begun.result);
}

/* ---- Anything ---------------------------------------------------------- */

static void do_raw(struct fuzz_thread *t, const uint64_t *arg)
{
	uint64_t words[32], x = arg[3];
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		words[i] = x >> (x >> 59) >> (x & 1 ? 0 : 40);
	}
	call(t, arg[0], _IOC(arg[4] & 1 ? _IOC_READ : _IOC_READ | _IOC_WRITE,
			     KEVENT_IOC_MAGIC, arg[1] & 0xff, arg[2] & 0x3fff),
	     P_GOOD, words, sizeof(words));
}

const struct fuzz_op queue_ops[] = {
	FUZZ_OP("queue", 2, do_queue, K_QUEUE, K_FLAGS),
	FUZZ_OP("init", 3, do_init, K_QUEUE, K_SIZE, K_POLICY, K_SMALL, K_WORD,
		K_ZERO, K_PTR),
	FUZZ_OP("open", 14, do_open, K_QUEUE, K_SIZE, K_POLICY, K_FLAGS,
		K_WORD),
	FUZZ_OP("map", 3, do_map, K_QUEUE, K_SMALL, K_LEN, K_FLAGS, K_FLAGS),
	FUZZ_OP("unmap", 2, do_unmap, K_QUEUE, K_SMALL),
	FUZZ_OP("remap", 2, do_remap, K_QUEUE, K_SMALL, K_LEN, K_FLAGS),
	FUZZ_OP("protect", 2, do_protect, K_QUEUE, K_SMALL, K_FLAGS),
	FUZZ_OP("advise", 2, do_advise, K_QUEUE, K_SMALL, K_SMALL),
	FUZZ_OP("poke", 8, do_poke, K_QUEUE, K_FLAGS, K_BASE, K_OFFSET),
	FUZZ_OP("take", 8, do_take, K_QUEUE, K_COUNT, K_FLAGS),
	FUZZ_OP("hammer", 4, do_hammer, K_QUEUE, K_WORD, K_WORD),
	FUZZ_OP("ctl", 60, do_ctl, K_QUEUE, K_CMD, K_TYPE, K_ID, K_EVENT, K_REQ,
		K_PARAM, K_PARAM, K_PARAM, K_PTR),
	FUZZ_OP("change", 30, do_change, K_QUEUE, K_CMD, K_TYPE, K_ID, K_EVENT,
		K_REQ, K_PARAM, K_PARAM, K_PARAM, K_PTR),
	FUZZ_OP("entry", 24, do_entry, K_ENTRY, K_TYPE, K_ID, K_EVENT, K_REQ,
		K_PARAM, K_PARAM, K_PARAM, K_CMD),
	FUZZ_OP("batch", 12, do_batch, K_QUEUE, K_CMD, K_COUNT, K_ZERO, K_PTR,
		K_PTR),
	FUZZ_OP("wait", 14, do_wait, K_QUEUE, K_COUNT, K_FLAGS, K_SMALL,
		K_SMALL, K_COUNT, K_CLOCK, K_NS, K_PTR, K_PTR),
	FUZZ_OP("get", 14, do_get, K_QUEUE, K_COUNT, K_COUNT, K_FLAGS, K_CLOCK,
		K_NS, K_PTR, K_PTR, K_ZERO),
	FUZZ_OP("read", 8, do_read, K_QUEUE, K_LEN, K_PTR),
	FUZZ_OP("commit", 12, do_commit, K_QUEUE, K_BASE, K_OFFSET, K_COUNT,
		K_SMALL, K_BASE, K_OFFSET, K_PTR),
	FUZZ_OP("wake", 3, do_wake, K_QUEUE, K_COUNT, K_ZERO, K_PTR),
	FUZZ_OP("info", 2, do_info, K_QUEUE, K_LEN, K_PTR),
	FUZZ_OP("record", 8, do_record, K_QUEUE, K_COOKIE, K_LEN, K_ZERO, K_PTR,
		K_PTR),
	FUZZ_OP("send", 10, do_send, K_QUEUE, K_FD, K_FD, K_LEN, K_WORD, K_LEN,
		K_REQ, K_PTR, K_PTR),
	FUZZ_OP("sendpath", 5, do_sendpath, K_QUEUE, K_FD, K_NAME, K_WORD,
		K_LEN, K_SMALL, K_REQ, K_FD, K_PTR),
	FUZZ_OP("sendmany", 5, do_sendmany, K_QUEUE, K_COUNT, K_ZERO, K_FD, K_FD,
		K_WORD, K_PTR, K_PTR),
	FUZZ_OP("raw", 2, do_raw, K_QUEUE, K_COUNT, K_LEN, K_WORD, K_FLAGS),
};

const uint32_t queue_ops_num = ARRAY_SIZE(queue_ops);
