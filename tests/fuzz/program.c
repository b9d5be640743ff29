// SPDX-License-Identifier: GPL-2.0
/*
 * Programs: as text, made, mutated.
 *
 *	run 2 4 3	threads, split, rounds
 *	open 0 40 0 0 0
 *	pipe 4 0
 *	...
 *			an empty line ends it; # begins a remark
 *
 * Numbers are in hexadecimal.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Text -------------------------------------------------------------- */

static size_t print_call(const struct fuzz_call *call, char *text, size_t size)
{
	const struct fuzz_op *op = op_at(call->op);
	size_t n = snprintf(text, size, "%s", op->name);
	uint32_t i;

	for (i = 0; i < op->args && n < size; i++)
		n += snprintf(text + n, size - n, " %llx",
			      (unsigned long long)call->arg[i]);
	if (n < size)
		n += snprintf(text + n, size - n, "\n");
	return n;
}

/* Returns its length; size if it did not fit. */
size_t program_print(const struct fuzz_program *p, char *text, size_t size)
{
	size_t n = snprintf(text, size, "run %x %x %x\n", p->threads, p->split,
			    p->rounds);
	uint32_t i;

	for (i = 0; i < p->num && n < size; i++)
		n += print_call(&p->call[i], text + n, size - n);
	return n < size ? n : size;
}

static void complain(const char *name, const char *line)
{
	fprintf(stderr, "%s: not understood: %.*s\n", name,
		(int)strcspn(line, "\n"), line);
	exit(2);
}

static bool find_op(const char *name, size_t len, uint32_t *op)
{
	for (*op = 0; *op < op_num(); ++*op) {
		const char *other = op_at(*op)->name;

		if (strlen(other) == len && !memcmp(other, name, len))
			return true;
	}
	return false;
}

static uint32_t clamp(uint64_t value, uint32_t low, uint32_t high)
{
	return value < low ? low : value > high ? high : value;
}

/* The line may have fewer numbers than the call: the rest is 0. */
static uint32_t parse_numbers(const char *text, uint64_t *arg)
{
	uint32_t n = 0;
	char *end;

	memset(arg, 0, FUZZ_ARGS * sizeof(*arg));
	while (n < FUZZ_ARGS) {
		arg[n] = strtoull(text, &end, 16);
		if (end == text)
			break;
		text = end;
		n++;
		if (!*text || *text == '\n')
			break;
	}
	return n;
}

static void parse_line(struct fuzz_program *p, const char *line,
		       const char *name)
{
	size_t len = strcspn(line, " \n");
	uint64_t arg[FUZZ_ARGS];
	uint32_t op;
	const char *rest = line + len;

	memset(arg, 0, sizeof(arg));
	if (*rest == ' ')
		parse_numbers(rest, arg);
	if (len == 3 && !memcmp(line, "run", 3)) {
		p->threads = clamp(arg[0], 1, FUZZ_THREADS);
		p->split = clamp(arg[1], 0, FUZZ_CALLS);
		p->rounds = clamp(arg[2], 1, 64);
		return;
	}
	if (!find_op(line, len, &op) || p->num == FUZZ_CALLS)
		complain(name, line);
	p->call[p->num].op = op;
	memcpy(p->call[p->num].arg, arg, sizeof(arg));
	p->num++;
}

const char *program_parse(struct fuzz_program *p, const char *text,
			  const char *name)
{
	memset(p, 0, sizeof(*p));
	p->threads = 1;
	p->rounds = 1;
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (!len && p->num)
			break;
		if (len && *text != '#')
			parse_line(p, text, name);
		text += len + !!text[len];
	}
	return p->num ? text : NULL;
}

/* ---- New ones ---------------------------------------------------------- */

static uint32_t choose_op(void)
{
	static uint32_t total;
	uint32_t op, at;

	if (!total)
		for (op = 0; op < op_num(); op++)
			total += op_at(op)->weight;
	at = rng_below(total);
	for (op = 0; at >= op_at(op)->weight; op++)
		at -= op_at(op)->weight;
	return op;
}

/* Type, event and flags shall mostly fit each other. */
static void match_call(struct fuzz_call *call)
{
	const struct fuzz_op *op = op_at(call->op);
	uint32_t i;

	for (i = 0; i + 6 < op->args; i++) {
		if (op->kind[i] != K_TYPE)
			continue;
		value_match(&call->arg[i], &call->arg[i + 2], &call->arg[i + 3],
			    &call->arg[i + 4]);
		return;
	}
}

static void make_call(struct fuzz_call *call)
{
	const struct fuzz_op *op;
	uint32_t i;

	memset(call, 0, sizeof(*call));
	call->op = choose_op();
	op = op_at(call->op);
	for (i = 0; i < op->args; i++)
		call->arg[i] = value_make(op->kind[i]);
	if (rng_chance(90))
		match_call(call);
}

/* How it is run: half of them by several threads. */
static void make_run(struct fuzz_program *p)
{
	p->threads = rng_chance(50) ? 1 : 2 + rng_below(FUZZ_THREADS - 1);
	p->split = p->threads == 1 ? 0 : rng_below(p->num + 1);
	p->rounds = p->threads == 1 ? 1 : 1 + rng_below(6);
}

void program_make(struct fuzz_program *p)
{
	uint32_t i;

	p->num = 4 + rng_below(FUZZ_CALLS - 4);
	for (i = 0; i < p->num; i++)
		make_call(&p->call[i]);
	make_run(p);
}

/* ---- Mutations --------------------------------------------------------- */

void program_drop(struct fuzz_program *p, uint32_t index)
{
	memmove(&p->call[index], &p->call[index + 1],
		(p->num - index - 1) * sizeof(p->call[0]));
	p->num--;
	if (p->split > index)
		p->split--;
}

/* Makes room at index; what does not fit falls off at the end. */
static void insert(struct fuzz_program *p, uint32_t index,
		   const struct fuzz_call *calls, uint32_t num)
{
	uint32_t tail;

	if (num > FUZZ_CALLS - index)
		num = FUZZ_CALLS - index;
	tail = p->num - index;
	if (tail > FUZZ_CALLS - index - num)
		tail = FUZZ_CALLS - index - num;
	memmove(&p->call[index + num], &p->call[index],
		tail * sizeof(p->call[0]));
	memmove(&p->call[index], calls, num * sizeof(p->call[0]));
	p->num = index + num + tail;
}

static void mutate_insert(struct fuzz_program *p)
{
	struct fuzz_call call;

	make_call(&call);
	insert(p, rng_below(p->num + 1), &call, 1);
}

static void mutate_splice(struct fuzz_program *p,
			  const struct fuzz_program *other)
{
	struct fuzz_program copy = *other;	/* it may be p */
	uint32_t first = rng_below(copy.num);
	uint32_t num = 1 + rng_below(copy.num - first);

	insert(p, rng_below(p->num + 1), &copy.call[first], num);
}

static void mutate_argument(struct fuzz_program *p)
{
	struct fuzz_call *call = &p->call[rng_below(p->num)];
	const struct fuzz_op *op = op_at(call->op);
	uint32_t i;

	if (!op->args)
		return;
	i = rng_below(op->args);
	call->arg[i] = value_mutate(op->kind[i], call->arg[i]);
	if (rng_chance(50))
		match_call(call);
}

static void mutate_swap(struct fuzz_program *p)
{
	uint32_t i = rng_below(p->num), j = rng_below(p->num);
	struct fuzz_call call = p->call[i];

	p->call[i] = p->call[j];
	p->call[j] = call;
}

static void mutate_repeat(struct fuzz_program *p)
{
	struct fuzz_call call = p->call[rng_below(p->num)];

	insert(p, rng_below(p->num + 1), &call, 1);
}

void program_mutate(struct fuzz_program *p, const struct fuzz_program *other)
{
	uint32_t times = 1 + rng_below(rng_chance(70) ? 3 : 10);

	while (times--) {
		switch (rng_below(10)) {
		case 0 ... 1:
			mutate_insert(p);
			break;
		case 2:
			if (p->num > 1)
				program_drop(p, rng_below(p->num));
			break;
		case 3:
			mutate_splice(p, other);
			break;
		case 4:
			mutate_swap(p);
			break;
		case 5:
			mutate_repeat(p);
			break;
		default:
			mutate_argument(p);
		}
	}
	if (rng_chance(30))
		make_run(p);
	if (p->split > p->num)
		p->split = p->num;
}
