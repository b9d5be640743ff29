// SPDX-License-Identifier: GPL-2.0
/*
 * Coverage, of the module alone, by KCOV: each thread has an area in which the
 * kernel notes the addresses that it passes.  What runs in interrupts and in
 * the kernel's own threads is not seen.
 */
#include "fuzz.h"

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kcov.h>

#define AREA_WORDS (1u << 15)
#define SECTIONS_MAX 16

struct section {
	char name[32];
	uint64_t at;
};

static struct section sections[SECTIONS_MAX];
static uint32_t sections_num;
static uint64_t base = ~0ull;

static uint64_t read_address(const char *name)
{
	char path[300];
	unsigned long long at = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/kevent/sections/%s", name);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%llx", &at) != 1)
		at = 0;
	fclose(f);
	return at;
}

/* Code that stays; names begin with .text, or are .exit.text. */
static void add_section(const char *name)
{
	struct section *s = &sections[sections_num];

	if ((strncmp(name, ".text", 5) && strcmp(name, ".exit.text")) ||
	    strlen(name) >= sizeof(s->name) || sections_num == SECTIONS_MAX)
		return;
	s->at = read_address(name);
	if (!s->at)
		return;
	strcpy(s->name, name);
	if (s->at < base)
		base = s->at;
	sections_num++;
}

bool cover_init(void)
{
	DIR *dir = opendir("/sys/module/kevent/sections");
	struct dirent *e;

	if (access("/sys/kernel/debug/kcov", R_OK | W_OK) || !dir)
		return false;
	while ((e = readdir(dir)))
		add_section(e->d_name);
	closedir(dir);
	return sections_num > 0;
}

bool cover_open(struct fuzz_kcov *kcov)
{
	kcov->fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
	if (kcov->fd < 0 || ioctl(kcov->fd, KCOV_INIT_TRACE, AREA_WORDS))
		return false;
	kcov->area = mmap(NULL, AREA_WORDS * sizeof(uint64_t),
			  PROT_READ | PROT_WRITE, MAP_SHARED, kcov->fd, 0);
	return kcov->area != MAP_FAILED;
}

void cover_start(struct fuzz_kcov *kcov)
{
	if (kcov->area)
		ioctl(kcov->fd, KCOV_ENABLE, KCOV_TRACE_PC);
}

/* ---- Sets -------------------------------------------------------------- */

/* Returns whether it was not there. */
static bool set_bit(uint8_t *bits, uint32_t n)
{
	uint8_t bit = 1u << (n & 7);

	if (__atomic_load_n(&bits[n >> 3], __ATOMIC_RELAXED) & bit)
		return false;
	return !(__atomic_fetch_or(&bits[n >> 3], bit, __ATOMIC_RELAXED) & bit);
}

static uint32_t hash(uint32_t from, uint32_t to)
{
	return (from * 0x9e3779b1u ^ to * 0x85ebca6bu) >> 12;
}

static enum fuzz_news merge_area(const uint64_t *area, struct fuzz_pcs *news)
{
	enum fuzz_news found = NEWS_NONE;
	uint32_t last = 0;
	uint64_t i;

	for (i = 1; i <= area[0] && i < AREA_WORDS; i++) {
		uint64_t at = area[i] - base;

		if (at >= FUZZ_PCS)
			continue;
		if (set_bit(shared->edge, hash(last, at)) && !found)
			found = NEWS_EDGE;
		if (set_bit(shared->pc, at)) {
			found = NEWS_PC;
			if (news->num < ARRAY_SIZE(news->at))
				news->at[news->num++] = at;
		}
		last = at;
	}
	return found;
}

enum fuzz_news cover_merge(struct fuzz_pcs *news)
{
	enum fuzz_news found = NEWS_NONE, more;
	uint32_t i;

	news->num = 0;
	for (i = 0; i < FUZZ_THREADS; i++) {
		more = merge_area(exec_cover(i), news);
		if (more > found)
			found = more;
	}
	return found;
}

static bool area_has(const uint64_t *area, uint32_t pc)
{
	uint64_t i;

	for (i = 1; i <= area[0] && i < AREA_WORDS; i++)
		if (area[i] - base == pc)
			return true;
	return false;
}

bool cover_has(const struct fuzz_pcs *pcs)
{
	uint32_t i, thread;

	for (i = 0; i < pcs->num; i++) {
		for (thread = 0; thread < FUZZ_THREADS; thread++)
			if (area_has(exec_cover(thread), pcs->at[i]))
				break;
		if (thread == FUZZ_THREADS)
			return false;
	}
	return true;
}

/* ---- What is said at the end ------------------------------------------- */

uint32_t cover_count(void)
{
	uint32_t i, n = 0;

	for (i = 0; i < sizeof(shared->pc); i++)
		n += __builtin_popcount(shared->pc[i]);
	return n;
}

/* The last section that begins at or below. */
static const struct section *section_of(uint64_t at)
{
	const struct section *best = NULL;
	uint32_t i;

	for (i = 0; i < sections_num; i++)
		if (sections[i].at <= at && (!best || sections[i].at > best->at))
			best = &sections[i];
	return best;
}

void cover_print(void)
{
	uint32_t i;

	for (i = 0; i < FUZZ_PCS; i++) {
		const struct section *s;

		if (!(shared->pc[i >> 3] & 1u << (i & 7)))
			continue;
		s = section_of(base + i);
		printf("#> pc %s %llx\n", s->name,
		       (unsigned long long)(base + i - s->at));
	}
}
