// SPDX-License-Identifier: GPL-2.0
/*
 * Medians of many short measurements: the timer tick and other strangers hit
 * few of them and fall out.
 */

#include <stdlib.h>

#include "bench.h"

/* In the last one: for bench/where.sh. */
unsigned int samples_ops;

void samples_init(struct samples *s, unsigned int max)
{
	s->v = xcalloc(max, sizeof(*s->v));
	s->num = 0;
	s->max = max;
}

void samples_add(struct samples *s, uint64_t ticks, unsigned int ops)
{
	if (s->num == s->max)
		die("more samples than room");
	s->v[s->num++] = (double)ticks / ops;
	samples_ops = ops;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double samples_median(struct samples *s)
{
	if (!s->num)
		die("no samples");
	qsort(s->v, s->num, sizeof(*s->v), compare);
	if (s->num & 1)
		return s->v[s->num / 2];
	return (s->v[s->num / 2 - 1] + s->v[s->num / 2]) / 2;
}

/* Around the middle half. After samples_median(). */
void samples_quartiles(const struct samples *s, double *low, double *high)
{
	*low = s->v[s->num / 4];
	*high = s->v[s->num - 1 - s->num / 4];
}

void samples_free(struct samples *s)
{
	free(s->v);
}
