/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A fuzzer of the whole interface, guided by coverage (KCOV) where the kernel
 * has that.
 *
 *	fuzz.c		main: workers, time, what is said at the end
 *	worker.c	one worker: chooses a program, runs it, keeps it
 *	exec.c		one program in a child of its own
 *	cover.c		coverage
 *	program.c	programs: as text, made, mutated
 *	value.c		values of arguments
 *	call_*.c	what a program can do, one function a call
 *
 * A program is a list of calls.  Their arguments are numbers; files, timers and
 * children are named by slots, so that every program means something.
 */
#ifndef FUZZ_H
#define FUZZ_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/kevent.h>

#define FUZZ_ARGS	10	/* of a call */
#define FUZZ_CALLS	32	/* of a program */
#define FUZZ_THREADS	4	/* of a program */
#define FUZZ_FDS	16	/* slots; the first FUZZ_QUEUES are for queues */
#define FUZZ_QUEUES	4
#define FUZZ_TIMERS	4
#define FUZZ_CHILDREN	4
#define FUZZ_COOKIES	16
#define FUZZ_NAMES	8
#define FUZZ_ENTRIES	64	/* of the batch buffer */
#define FUZZ_CORPUS	4096	/* programs kept */
#define FUZZ_WORKERS	4

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

struct fuzz_call {
	uint32_t op;
	uint64_t arg[FUZZ_ARGS];
};

/*
 * The calls before split are made by one thread, then those from split on by
 * each thread, each beginning at another one, rounds times.
 */
struct fuzz_program {
	uint32_t num;
	uint32_t threads;
	uint32_t split;
	uint32_t rounds;
	struct fuzz_call call[FUZZ_CALLS];
};

/* What an argument is: which values make sense. */
enum fuzz_kind {
	K_QUEUE,	/* slot of a queue */
	K_FD,		/* slot of any file */
	K_TIMER,
	K_CHILD,
	K_COOKIE,
	K_NAME,
	K_ENTRY,	/* index into the batch buffer */
	K_SIGNO,
	K_TYPE,		/* struct ukevent */
	K_ID,
	K_EVENT,
	K_REQ,
	K_PARAM,
	K_CMD,
	K_SIZE,		/* of a ring */
	K_POLICY,
	K_COUNT,	/* a small number, or a silly one */
	K_LEN,		/* bytes */
	K_NS,		/* time */
	K_PTR,		/* enum fuzz_ptr */
	K_BASE,		/* enum fuzz_base */
	K_OFFSET,	/* from that */
	K_FLAGS,	/* a few low bits */
	K_CLOCK,
	K_SMALL,	/* 0 to 7 */
	K_WORD,		/* any 64 bits */
	K_ZERO,		/* reserved: nearly always 0 */
};

/* Where a structure is put for the kernel. */
enum fuzz_ptr {
	P_GOOD,
	P_NULL,
	P_HALF,		/* its second half is not there */
	P_READONLY,
	P_KERNEL,
	P_USER_PAGE,	/* in the ring's own pages */
	P_ENTRIES,
	P_EDGE,		/* what follows is not there */
	P_NUM,
};

/* What an index is counted from. */
enum fuzz_base {
	B_ZERO,
	B_TAIL,
	B_SEEN,
	B_HEAD,
	B_NUM,
};

struct fuzz_thread;

struct fuzz_op {
	const char *name;
	uint32_t weight;	/* how often it is chosen */
	uint32_t args;
	enum fuzz_kind kind[FUZZ_ARGS];
	void (*run)(struct fuzz_thread *t, const uint64_t *arg);
};

#define FUZZ_OP(name_, weight_, run_, ...)				\
	{								\
		.name = name_,						\
		.weight = weight_,					\
		.args = sizeof((enum fuzz_kind[]){ __VA_ARGS__ }) /	\
			sizeof(enum fuzz_kind),				\
		.kind = { __VA_ARGS__ },				\
		.run = run_,						\
	}

/* ---- Calls ------------------------------------------------------------- */

extern const struct fuzz_op queue_ops[], file_ops[], task_ops[];
extern const uint32_t queue_ops_num, file_ops_num, task_ops_num;

uint32_t op_num(void);
const struct fuzz_op *op_at(uint32_t op);

/* What type, event and flags go together (value.c). */
struct fuzz_type {
	uint32_t events;
	uint32_t req_flags;
};

extern const struct fuzz_type fuzz_types[KEVENT_TYPE_MAX];

uint64_t rng(void);
uint64_t rng_below(uint64_t n);
bool rng_chance(uint32_t percent);
void rng_seed(uint64_t seed);
uint64_t value_make(enum fuzz_kind kind);
uint64_t value_mutate(enum fuzz_kind kind, uint64_t value);
void value_match(uint64_t *type_arg, uint64_t *event, uint64_t *req,
		 uint64_t *param);

/* ---- Programs ---------------------------------------------------------- */

#define FUZZ_TEXT_MAX	3968	/* with its header it fits into a page */

size_t program_print(const struct fuzz_program *p, char *text, size_t size);
/* Reads the first program of the text; returns what follows, NULL if none. */
const char *program_parse(struct fuzz_program *p, const char *text,
			  const char *name);
void program_make(struct fuzz_program *p);
void program_mutate(struct fuzz_program *p, const struct fuzz_program *other);
void program_drop(struct fuzz_program *p, uint32_t index);

/* ---- Running ----------------------------------------------------------- */

struct fuzz_map {
	char *at;
	size_t len;
};

/* What the threads of one program share. */
struct fuzz_state {
	int fd[FUZZ_FDS];
	struct fuzz_map map[FUZZ_QUEUES][3];	/* kernel, user, entries */
	int timer[FUZZ_TIMERS];
	pid_t child[FUZZ_CHILDREN];
	uint64_t cookie[FUZZ_COOKIES];
	uint32_t cookies;
	struct ukevent entry[FUZZ_ENTRIES];
	bool is_child;
	uint64_t *calls;	/* made, by all */
	const struct fuzz_program *program;
};

struct fuzz_thread {
	uint32_t number;
	uint32_t next;		/* call that follows */
	uint32_t turn;		/* which part of good is used next */
	char *good;		/* memory of its own, in FUZZ_PARTS parts */
	char *edge;		/* end of memory, unmapped behind */
	char *readonly;		/* what is in readonly_fd */
	int readonly_fd;
	int scratch;		/* memfd: copies that may fault */
};

extern struct fuzz_state fuzz;

#define FUZZ_MEMORY	65536u	/* bytes of a part, before edge, at readonly */
#define FUZZ_PARTS	4

/* Where this thread's structures for the kernel are. */
void memory_init(struct fuzz_thread *t);
void run_calls(struct fuzz_thread *t, uint32_t first, uint32_t num);
void slot_set(uint64_t slot, int fd);
int slot_get(uint64_t slot);
struct fuzz_map *map_of(uint64_t queue, uint64_t area);

/* Places bytes for the kernel; those that fault are left out. */
void *place(struct fuzz_thread *t, uint64_t queue, uint64_t ptr,
	    const void *data, size_t len);
/* What the kernel wrote there; false if it can't be read. */
bool fetch(struct fuzz_thread *t, const void *from, void *data, size_t len);
void store(struct fuzz_thread *t, void *to, const void *data, size_t len);

struct fuzz_kcov {
	int fd;
	uint64_t *area;
};

/* Needs root, and ends with the rights the programs shall have. */
void exec_init(uint32_t worker, bool guided);
void exec_run(const struct fuzz_program *p);
/* What the last run reached, by thread: the number, then the addresses. */
const uint64_t *exec_cover(uint32_t thread);
void journal_init(void);
/* The programs that each worker ran last. */
void journal_print(void);

/* ---- Coverage ---------------------------------------------------------- */

#define FUZZ_PCS	(1u << 20)	/* bytes of code that can be told apart */
#define FUZZ_EDGES	(1u << 20)

struct fuzz_shared {
	uint64_t programs, killed;
	uint32_t corpus_num;
	uint32_t replay_next;
	uint32_t seeds;		/* programs that were there before */
	bool guided;
	bool stop;
	uint8_t pc[FUZZ_PCS / 8];
	uint8_t edge[FUZZ_EDGES / 8];
	bool ready[FUZZ_CORPUS];
	struct fuzz_program corpus[FUZZ_CORPUS];
};

extern struct fuzz_shared *shared;

enum fuzz_news { NEWS_NONE, NEWS_EDGE, NEWS_PC };

/* Places in the code, as offsets. */
struct fuzz_pcs {
	uint32_t num;
	uint32_t at[1024];
};

bool cover_init(void);
bool cover_open(struct fuzz_kcov *kcov);
void cover_start(struct fuzz_kcov *kcov);
/* What the last run reached and none before it; from now on it is known. */
enum fuzz_news cover_merge(struct fuzz_pcs *news);
/* Does the last run reach all of these? */
bool cover_has(const struct fuzz_pcs *pcs);
uint32_t cover_count(void);
void cover_print(void);

/* ---- Workers ----------------------------------------------------------- */

struct fuzz_options {
	uint32_t seconds;
	uint32_t workers;
	uint64_t seed;
	bool replay;		/* run what is there, again and again */
};

void worker_main(uint32_t number, const struct fuzz_options *options);
void corpus_add(const struct fuzz_program *p);

#endif
