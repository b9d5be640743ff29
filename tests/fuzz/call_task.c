// SPDX-License-Identifier: GPL-2.0
/* Timers, signals, processes. */
#include "fuzz.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S	1000000000ull

/* ---- POSIX timers ------------------------------------------------------ */

/* By number: the C library's timer_t is something else. */
static void do_timer(struct fuzz_thread *t, const uint64_t *arg)
{
	struct sigevent event = {
		.sigev_notify = (const int[]){
			SIGEV_SIGNAL, SIGEV_SIGNAL, SIGEV_NONE,
			SIGEV_THREAD_ID }[arg[2] & 3],
		.sigev_signo = arg[3],
		.sigev_value.sival_int = 4711,
		._sigev_un._tid = gettid(),
	};
	int id;

	(void)t;
	if (!syscall(SYS_timer_create, (clockid_t)arg[1], &event, &id))
		fuzz.timer[arg[0] % FUZZ_TIMERS] = id;
}

static struct timespec spec_of(uint64_t ns)
{
	struct timespec ts = {
		.tv_sec = ns / NS_PER_S,
		.tv_nsec = ns % NS_PER_S,
	};

	return ts;
}

static void do_settime(struct fuzz_thread *t, const uint64_t *arg)
{
	struct itimerspec spec = {
		.it_value = spec_of(arg[1]),
		.it_interval = spec_of(arg[2]),
	};

	(void)t;
	syscall(SYS_timer_settime, fuzz.timer[arg[0] % FUZZ_TIMERS],
		arg[3] & 1 ? TIMER_ABSTIME : 0, &spec, NULL);
}

static void do_gettime(struct fuzz_thread *t, const uint64_t *arg)
{
	struct itimerspec spec;

	(void)t;
	syscall(SYS_timer_gettime, fuzz.timer[arg[0] % FUZZ_TIMERS], &spec);
	syscall(SYS_timer_getoverrun, fuzz.timer[arg[0] % FUZZ_TIMERS]);
}

static void do_deltimer(struct fuzz_thread *t, const uint64_t *arg)
{
	(void)t;
	syscall(SYS_timer_delete, fuzz.timer[arg[0] % FUZZ_TIMERS]);
}

/* ---- Signals, all to this process -------------------------------------- */

static void do_kill(struct fuzz_thread *t, const uint64_t *arg)
{
	siginfo_t info = {
		.si_code = SI_QUEUE,
		.si_value.sival_int = arg[2],
	};
	int signo = arg[0] & 127;

	(void)t;
	if (signo == SIGSTOP || signo == SIGKILL)
		return;
	if (arg[1] & 1)
		syscall(SYS_tgkill, getpid(), gettid(), signo);
	else if (arg[1] & 2)
		syscall(SYS_rt_sigqueueinfo, getpid(), signo, &info);
	else
		kill(getpid(), signo);
}

static void handler(int signo)
{
	(void)signo;
}

static void do_action(struct fuzz_thread *t, const uint64_t *arg)
{
	struct sigaction action = {
		.sa_handler = (arg[1] & 3) == 1 ? SIG_IGN : handler,
		.sa_flags = (arg[1] & 4 ? SA_RESTART : 0) |
			    (arg[1] & 8 ? SA_NOCLDWAIT : 0),
	};

	(void)t;
	if ((arg[1] & 3) == 2 && arg[0] != SIGALRM)
		action.sa_handler = SIG_DFL;
	sigaction(arg[0], &action, NULL);
}

static void do_mask(struct fuzz_thread *t, const uint64_t *arg)
{
	sigset_t set;

	(void)t;
	sigemptyset(&set);
	sigaddset(&set, arg[0]);
	sigaddset(&set, arg[1]);
	sigdelset(&set, SIGALRM);
	sigprocmask(arg[2] & 1 ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

static void do_sigwait(struct fuzz_thread *t, const uint64_t *arg)
{
	const struct timespec now = {};
	siginfo_t info;
	sigset_t set;

	(void)t;
	(void)arg;
	sigfillset(&set);
	sigtimedwait(&set, &info, &now);
}

/* ---- Processes --------------------------------------------------------- */

/* The child makes the calls that follow, too, and is gone. */
static void do_fork(struct fuzz_thread *t, const uint64_t *arg)
{
	pid_t pid;

	if (fuzz.is_child)
		return;
	pid = fork();
	if (!pid) {
		fuzz.is_child = true;
		alarm(1);
		run_calls(t, t->next, arg[1] & 7);
		_exit(arg[1] & 0xff);
	}
	if (pid > 0)
		fuzz.child[arg[0] % FUZZ_CHILDREN] = pid;
}

/* exec keeps what has no O_CLOEXEC; the program says nothing and exits. */
static void do_exec(struct fuzz_thread *t, const uint64_t *arg)
{
	char *const argv[] = { "fuzz", "--exit", NULL };
	char *const envp[] = { NULL };
	pid_t pid;

	if (fuzz.is_child)
		return;
	pid = fork();
	if (!pid) {
		fuzz.is_child = true;
		run_calls(t, t->next, arg[1] & 3);
		execve("/proc/self/exe", argv, envp);
		_exit(127);
	}
	if (pid > 0)
		fuzz.child[arg[0] % FUZZ_CHILDREN] = pid;
}

static void do_reap(struct fuzz_thread *t, const uint64_t *arg)
{
	int status;

	(void)t;
	if (fuzz.child[arg[0] % FUZZ_CHILDREN] > 0)
		waitpid(fuzz.child[arg[0] % FUZZ_CHILDREN], &status,
			arg[1] & 1 ? WNOHANG : 0);
}

static void do_stop(struct fuzz_thread *t, const uint64_t *arg)
{
	static const int signals[] = { SIGKILL, SIGTERM, SIGSTOP, SIGCONT };

	(void)t;
	if (fuzz.child[arg[0] % FUZZ_CHILDREN] > 0)
		kill(fuzz.child[arg[0] % FUZZ_CHILDREN], signals[arg[1] & 3]);
}

static void do_pidfd(struct fuzz_thread *t, const uint64_t *arg)
{
	pid_t pid = fuzz.child[arg[1] % FUZZ_CHILDREN];

	(void)t;
	slot_set(arg[0], syscall(SYS_pidfd_open, arg[2] & 1 || pid <= 0 ?
				 getpid() : pid, 0));
}

static void do_nap(struct fuzz_thread *t, const uint64_t *arg)
{
	(void)t;
	usleep(arg[0] % 3000);
}

static void do_yield(struct fuzz_thread *t, const uint64_t *arg)
{
	(void)t;
	(void)arg;
	sched_yield();
}

const struct fuzz_op task_ops[] = {
	FUZZ_OP("timer", 8, do_timer, K_TIMER, K_CLOCK, K_FLAGS, K_SIGNO),
	FUZZ_OP("settime", 8, do_settime, K_TIMER, K_NS, K_NS, K_FLAGS),
	FUZZ_OP("gettime", 2, do_gettime, K_TIMER),
	FUZZ_OP("deltimer", 3, do_deltimer, K_TIMER),
	FUZZ_OP("kill", 8, do_kill, K_SIGNO, K_FLAGS, K_COUNT),
	FUZZ_OP("action", 3, do_action, K_SIGNO, K_FLAGS),
	FUZZ_OP("mask", 3, do_mask, K_SIGNO, K_SIGNO, K_FLAGS),
	FUZZ_OP("sigwait", 2, do_sigwait, K_ZERO),
	FUZZ_OP("fork", 5, do_fork, K_CHILD, K_SMALL),
	FUZZ_OP("exec", 3, do_exec, K_CHILD, K_SMALL),
	FUZZ_OP("reap", 4, do_reap, K_CHILD, K_FLAGS),
	FUZZ_OP("stop", 2, do_stop, K_CHILD, K_SMALL),
	FUZZ_OP("pidfd", 4, do_pidfd, K_FD, K_CHILD, K_FLAGS),
	FUZZ_OP("nap", 3, do_nap, K_NS),
	FUZZ_OP("yield", 2, do_yield, K_ZERO),
};

const uint32_t task_ops_num = ARRAY_SIZE(task_ops);
