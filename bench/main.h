/* SPDX-License-Identifier: GPL-2.0 */
/* What was asked for. */
#ifndef MAIN_H
#define MAIN_H

#include "bench.h"

#define NAMES_MAX	32
#define MECHS_MAX	64
#define REPEAT_MAX	50u

struct names {
	const char *name[NAMES_MAX];
	unsigned int num;
};

struct options {
	struct names works, mechs;
	const char *json;
	const char *compare[2];
	double spread;
	enum clock_unit units[2];
	unsigned int num_units;
	unsigned int repeat;
	enum level level;
	bool list, explain, jobs;
	bool device;
};

/* ---- main.c; the arrays end with NULL ---------------------------------- */

extern struct options opt;
extern const struct work *const works[];
extern const struct mech_ops *const mechs[];

bool selected(const struct names *names, const char *name);
bool work_selected(const struct work *w);

/* ---- jobs.c ------------------------------------------------------------ */

unsigned int jobs_run(void);
void jobs_print(void);

#endif /* MAIN_H */
