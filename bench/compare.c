// SPDX-License-Identifier: GPL-2.0
/*
 * Two files of figures, row by row. What was measured once, or differed too much
 * from one repetition to the next, says nothing, and is refused. Counts of
 * instructions repeat, and are compared as they are.
 */

#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define KEY_MAX		192
#define LINE_MAX_	2048

struct row {
	char key[KEY_MAX];
	double value, low, high;
	bool repeated, exact;
};

struct file {
	struct row *rows;
	unsigned int num, max;
	char about[3][128];
};

static const char *const about_names[] = { "kernel", "cpu", "compiler" };

/* The text of a field of a line of JSON, as report.c writes it. */
static bool field(const char *line, const char *name, char *buf, size_t len)
{
	char pattern[64];
	const char *p;
	size_t n;

	snprintf(pattern, sizeof(pattern), "\"%s\":", name);
	p = strstr(line, pattern);
	if (!p)
		return false;
	p += strlen(pattern);
	n = *p == '"' ? strcspn(++p, "\"") : strcspn(p, ",}");
	snprintf(buf, len, "%.*s", (int)n, p);
	return true;
}

static bool number(const char *line, const char *name, double *value)
{
	char text[64];

	if (!field(line, name, text, sizeof(text)))
		return false;
	*value = strtod(text, NULL);
	return true;
}

static bool parse_row(const char *line, struct row *row)
{
	char work[32], mech[32], mode[32], metric[32], n[16], k[16];

	if (!field(line, "workload", work, sizeof(work)) ||
	    !field(line, "mechanism", mech, sizeof(mech)) ||
	    !field(line, "mode", mode, sizeof(mode)) ||
	    !field(line, "metric", metric, sizeof(metric)) ||
	    !field(line, "n", n, sizeof(n)) ||
	    !field(line, "k", k, sizeof(k)) ||
	    !number(line, "value", &row->value))
		return false;
	snprintf(row->key, sizeof(row->key), "%-9s %6s %5s %-14s %-15s %-18s",
		 work, n, k, mech, mode, metric);
	row->exact = !strncmp(metric, "instructions", 12);
	row->repeated = number(line, "low", &row->low) &&
			number(line, "high", &row->high);
	return true;
}

static void read_file(const char *path, struct file *file)
{
	FILE *f = fopen(path, "r");
	char line[LINE_MAX_];
	size_t i;

	if (!f)
		die_errno(path);
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, "\"kevent-bench\"")) {
			for (i = 0; i < ARRAY_SIZE(about_names); i++)
				field(line, about_names[i], file->about[i],
				      sizeof(file->about[i]));
			continue;
		}
		if (file->num == file->max) {
			file->max = 2 * file->max + 64;
			file->rows = realloc(file->rows, file->max * sizeof(*file->rows));
			if (!file->rows)
				die_errno("realloc");
		}
		if (parse_row(line, &file->rows[file->num]))
			file->num++;
	}
	fclose(f);
	if (!file->num)
		die("%s: no figures", path);
}

static const struct row *find(const struct file *file, const char *key)
{
	unsigned int i;

	for (i = 0; i < file->num; i++) {
		if (!strcmp(file->rows[i].key, key))
			return &file->rows[i];
	}
	return NULL;
}

/* Of the middle half of the repetitions, in percent; negative: not known. */
static double spread(const struct row *row)
{
	if (row->exact)
		return 0;
	if (!row->repeated)
		return -1;
	return row->value ? (row->high - row->low) * 100 / row->value : 0;
}

static bool usable(const struct row *row, double limit)
{
	double s = spread(row);

	return s >= 0 && s <= limit;
}

static void print_value(const struct row *row)
{
	double s = spread(row);

	printf(" %12.1f", row->value);
	if (s < 0)
		printf("   once");
	else
		printf(" %5.1f%%", s);
}

/* Their middle halves have something in common. */
static bool overlap(const struct row *a, const struct row *b)
{
	return a->repeated && b->repeated && a->low <= b->high && b->low <= a->high;
}

static bool compare_rows(const struct row *a, const struct row *b, double limit)
{
	bool ok = usable(a, limit) && usable(b, limit);

	printf("%s", a->key);
	print_value(a);
	print_value(b);
	if (!ok)
		printf("  refused\n");
	else if (overlap(a, b))
		printf("  same\n");
	else if (a->value)
		printf("  %.3f\n", b->value / a->value);
	else
		printf("  -\n");
	return ok;
}

static void print_about(const struct file *file, char name, const char *path)
{
	printf("%c: %s: Linux %s; %s; %s\n", name, path, file->about[0],
	       file->about[1], file->about[2]);
}

bool compare_files(const char *path_a, const char *path_b, double limit)
{
	unsigned int i, compared = 0, refused = 0;
	struct file a = { 0 }, b = { 0 };

	read_file(path_a, &a);
	read_file(path_b, &b);
	print_about(&a, 'A', path_a);
	print_about(&b, 'B', path_b);
	printf("\n%-72s %12s %6s %12s %6s  %s\n",
	       "workload       n     k mechanism      mode            metric",
	       "A", "spread", "B", "spread", "B/A");
	for (i = 0; i < a.num; i++) {
		const struct row *other = find(&b, a.rows[i].key);

		if (!other)
			continue;
		if (compare_rows(&a.rows[i], other, limit))
			compared++;
		else
			refused++;
	}
	printf("\n%u rows compared, %u refused: measured once, or a spread above %g%%; "
	       "%u are in one file only\n", compared, refused, limit,
	       a.num + b.num - 2 * (compared + refused));
	return compared && !refused;
}
