// SPDX-License-Identifier: GPL-2.0
/* Tests KEVENT_SIGNAL_NOMASK: the event comes instead of the signal. */
#include "signals.h"

#include <sys/signalfd.h>
#include <termios.h>

static bool can_nomask(int q)
{
	if (try_signal(q, KEVENT_CTL_ADD, SIGURG | NOMASK, 0))
		return false;
	kev_remove(q, KEVENT_SIGNAL, SIGURG | NOMASK);
	return true;
}

static int nomask_queue(void)
{
	int q = kev_queue(NULL, 0);

	if (!can_nomask(q))
		SKIP("this kernel can't");
	return q;
}

TEST(supported)
{
	CHECK(can_nomask(kev_queue(NULL, 0)));
}

/* ---- Instead of it ----------------------------------------------------------- */

TEST(not_handled)
{
	int q = nomask_queue();
	struct ukevent uk;

	handle_signal(SIGUSR1, count_handled);
	uk = add_signal(q, SIGUSR1 | NOMASK, 0);
	raise(SIGUSR1);
	CHECK_OK(kill(getpid(), SIGUSR1));
	take_signal(q, SIGUSR1 | NOMASK, 2);
	CHECK_EQ(handled_now(), 0);
	CHECK(!is_pending(SIGUSR1));
	uk = kev_remove(q, KEVENT_SIGNAL, SIGUSR1 | NOMASK);
	CHECK_EQ(uk.ret_flags, 0);
	raise(SIGUSR1);
	CHECK_EQ(handled_now(), 1);
	take_none(q);
}

/* All that would kill or stop. */
TEST(no_default_action)
{
	int q = nomask_queue(), sig;

	for (sig = 1; sig <= 64; sig++) {
		if (is_refused(sig) || sig == 32 || sig == 33)
			continue;
		if (sig == SIGSEGV || sig == SIGBUS || sig == SIGILL ||
		    sig == SIGTRAP || sig == SIGFPE || sig == SIGSYS)
			continue;
		add_signal(q, sig | NOMASK, 0);
		CHECK_OK(kill(getpid(), sig));
		take_signal(q, sig | NOMASK, 1);
	}
	take_none(q);
}

TEST(records)
{
	int q = nomask_queue(), sig = SIGRTMIN + 5, i;
	struct kevent_record_signal r[8];
	struct ukevent uk;

	uk = add_signal(q, sig | NOMASK, 0);
	for (i = 0; i < 5; i++)
		send_value(sig, i);
	thread_kill(getpid(), sig);
	take_signal(q, sig | NOMASK, 6);
	CHECK_EQ(read_records(q, uk.cookie, r, 8, NULL), 6);
	for (i = 0; i < 5; i++) {
		CHECK_EQ((uint32_t)r[i].value, i);
		CHECK_EQ(r[i].code, SI_QUEUE);
		CHECK_EQ(r[i].pid, getpid());
	}
	CHECK_EQ(r[5].tid, getpid());
	CHECK(!is_pending(sig));
}

/* From other processes, and for a fault's number. */
TEST(from_others)
{
	int q = nomask_queue();
	pid_t pid;

	add_signal(q, SIGTERM | NOMASK, 0);
	add_signal(q, SIGSEGV | NOMASK, 0);
	pid = CHECK_OK(fork());
	if (!pid) {
		kill(getppid(), SIGTERM);
		kill(getppid(), SIGSEGV);
		_exit(0);
	}
	wait_child(pid);
	take_signal(q, SIGTERM | NOMASK, 1);
	take_signal(q, SIGSEGV | NOMASK, 1);
}

TEST(timers)
{
	struct sigevent sev = { .sigev_notify = SIGEV_SIGNAL };
	struct itimerval it = { .it_value.tv_usec = 1 };
	struct ukevent uk;
	struct itimerspec its = { .it_value.tv_nsec = 1 };
	int q = nomask_queue(), i;
	timer_t timer;

	/* CPU time, by the kernel's own interrupt */
	add_signal(q, SIGVTALRM | NOMASK, 0);
	CHECK_OK(setitimer(ITIMER_VIRTUAL, &it, NULL));
	while (kevent_get_events(q, 0, 1, NULL, &uk, 0) == 0)
		;
	CHECK_EQ(uk.ret_data[1], 1);

	sev.sigev_signo = SIGUSR1;
	add_signal(q, SIGUSR1 | NOMASK, 0);
	CHECK_OK(timer_create(CLOCK_MONOTONIC, &sev, &timer));
	for (i = 1; i < 10; i++) {
		CHECK_OK(timer_settime(timer, 0, &its, NULL));
		take_signal(q, SIGUSR1 | NOMASK, i);
	}
	CHECK(!is_pending(SIGUSR1));
	CHECK_OK(timer_delete(timer));
}

/* A session of one's own with a terminal.  Returns that; *ptmx: its master. */
static int own_terminal(int *ptmx)
{
	int unlock = 0, pts;

	CHECK_OK(setsid());
	*ptmx = CHECK_OK(open("/dev/ptmx", O_RDWR | O_NOCTTY));
	CHECK_OK(ioctl(*ptmx, TIOCSPTLCK, &unlock));
	pts = CHECK_OK(ioctl(*ptmx, TIOCGPTPEER, O_RDWR));
	CHECK_OK(ioctl(pts, TIOCSCTTY, 0));
	return pts;
}

/* ^C of a terminal. */
static void terminal_child(void *arg)
{
	int q = *(int *)arg, ptmx;
	struct ukevent uk;

	own_terminal(&ptmx);
	uk = add_signal(q, SIGINT | NOMASK, 0);
	CHECK_EQ(write(ptmx, "\003", 1), 1);
	take_signal(q, SIGINT | NOMASK, 1);
	CHECK_EQ(read_one(q, uk.cookie).code, SI_KERNEL);
	kev_remove(q, KEVENT_SIGNAL, SIGINT | NOMASK);
	handle_signal(SIGHUP, SIG_IGN);
}

TEST(terminal)
{
	int q = nomask_queue();

	wait_child(start_child(terminal_child, &q));
}

/* Neither a signalfd nor a wait sees it. */
TEST(no_signalfd)
{
	struct timespec now = { 0 };
	int q = nomask_queue(), fd;
	struct pollfd p;
	sigset_t set;

	block_signal(SIGUSR1);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	fd = CHECK_OK(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
	add_signal(q, SIGUSR1 | NOMASK, 0);
	raise(SIGUSR1);
	take_signal(q, SIGUSR1 | NOMASK, 1);
	p = (struct pollfd){ .fd = fd, .events = POLLIN };
	CHECK_EQ(poll(&p, 1, 0), 0);
	CHECK_ERRNO(sigtimedwait(&set, NULL, &now), EAGAIN);
	CHECK(!is_pending(SIGUSR1));
}

/* Children are reaped as ever. */
TEST(sigchld)
{
	struct kevent_record_signal r;
	int q = nomask_queue(), status;
	struct ukevent uk;
	pid_t pid;

	handle_signal(SIGCHLD, count_handled);
	uk = add_signal(q, SIGCHLD | NOMASK, 0);
	pid = CHECK_OK(fork());
	if (!pid)
		_exit(9);
	take_signal(q, SIGCHLD | NOMASK, 1);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(WEXITSTATUS(status), 9);
	r = read_one(q, uk.cookie);
	CHECK_EQ(r.pid, pid);
	CHECK_EQ(r.code, CLD_EXITED);
	CHECK_EQ(handled_now(), 0);
	CHECK_ERRNO(waitpid(-1, NULL, WNOHANG), ECHILD);
}

/* ---- Not taken away ------------------------------------------------------------ */

#if defined(__x86_64__)
#define TEST_UNDEFINED	"ud2"
#define TEST_BREAKPOINT	"int3"
#elif defined(__aarch64__)
#define TEST_UNDEFINED	"udf #0"
#define TEST_BREAKPOINT	"brk #0"
#endif

static void fault_with(int q, int sig)
{
	volatile char *page = mmap(NULL, 1, PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED);
	add_signal(q, sig | NOMASK, 0);
	if (sig == SIGSEGV)
		*page = 0;
	else if (sig == SIGILL)
		__asm__ volatile(TEST_UNDEFINED);
	else if (sig == SIGTRAP)
		__asm__ volatile(TEST_BREAKPOINT);
	else
		raise(sig);
	_exit(0);
}

TEST(faults)
{
	static const int sigs[] = { SIGSEGV, SIGILL, SIGTRAP, SIGFPE, SIGSYS };
	int q = nomask_queue(), status;
	unsigned int i;
	pid_t pid;

	for (i = 0; i < ARRAY_SIZE(sigs); i++) {
		pid = CHECK_OK(fork());
		if (!pid)
			fault_with(q, sigs[i]);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(WIFSIGNALED(status));
		CHECK_EQ(WTERMSIG(status), sigs[i]);
		CHECK_SOON(watches_of(q) == 0);
	}
}

/* ---- Refused: the kernel repeats these until they were taken --------------------- */

static void alarm_start(void)
{
	struct itimerval it = {
		.it_value.tv_usec = 1000,
		.it_interval.tv_usec = 1000,
	};

	CHECK_OK(setitimer(ITIMER_REAL, &it, NULL));
}

/* A handler that comes each millisecond may interrupt every wait of a slow machine. */
static struct ukevent take_interrupted(int q)
{
	struct ukevent uk;
	int n;

	do
		n = kevent_get_events(q, 1, 1, NULL, &uk, 0);
	while (n < 0 && errno == EINTR);
	CHECK_EQ(n, 1);
	return uk;
}

/*
 * The interval timer is started again where its signal is dequeued: a watch may
 * come, refuse to take it away, and go, and it goes on.
 */
TEST(alarm)
{
	int q = nomask_queue(), before;
	struct itimerval it;
	struct ukevent uk;

	handle_signal(SIGALRM, count_handled);
	alarm_start();
	CHECK_EQ(try_signal(q, KEVENT_CTL_ADD, SIGALRM | NOMASK, 0), EINVAL);
	CHECK_EQ(watches_of(q), 0);
	uk = add_signal(q, SIGALRM, 0);
	do {
		uk = take_interrupted(q);
		check_signal(&uk, SIGALRM, uk.ret_data[1]);
	} while (uk.ret_data[1] < 20);
	CHECK_GE(handled_now(), 19);
	CHECK_OK(getitimer(ITIMER_REAL, &it));
	CHECK_EQ(it.it_interval.tv_usec, 1000);
	kev_remove(q, KEVENT_SIGNAL, SIGALRM);
	before = handled_now();
	CHECK_SOON(handled_now() > before + 10);
}

/* NOMASK of any other signal is nothing to it. */
TEST(alarm_beside_nomask)
{
	int q = nomask_queue(), sig;

	handle_signal(SIGALRM, count_handled);
	alarm_start();
	for (sig = 1; sig <= 31; sig++)
		if (!is_refused(sig))
			add_signal(q, sig | NOMASK, 0);
	raise(SIGUSR1);
	CHECK_SOON(handled_now() > 20);
	take_signal(q, SIGUSR1 | NOMASK, 1);
	take_none(q);
}

/* A job in the background of its terminal, which has to stop it. */
struct job {
	int q;
	int sig;
};

static void use_terminal(int tty, int sig)
{
	struct termios tio;
	char c;

	if (sig == SIGTTIN) {
		CHECK_EQ(read(tty, &c, 1), 1);
		CHECK_EQ(c, 'x');
	} else {
		CHECK_OK(tcgetattr(tty, &tio));
		CHECK_OK(tcsetattr(tty, TCSANOW, &tio));
	}
}

static void background(const struct job *j, int tty)
{
	CHECK_OK(setpgid(0, 0));
	handle_signal(SIGTTOU, SIG_DFL);
	CHECK_EQ(try_signal(j->q, KEVENT_CTL_ADD, j->sig | NOMASK, 0), EINVAL);
	add_signal(j->q, j->sig, 0);
	use_terminal(tty, j->sig);
	_exit(0);
}

/* One try is one signal, and the job stands still until it is in the foreground. */
static void session(void *arg)
{
	const struct job *j = arg;
	int ptmx, tty, status;
	pid_t pid;

	tty = own_terminal(&ptmx);
	/* it is in the background itself for a moment */
	handle_signal(SIGTTOU, SIG_IGN);
	pid = CHECK_OK(fork());
	if (!pid)
		background(j, tty);
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK(WIFSTOPPED(status));
	CHECK_EQ(WSTOPSIG(status), j->sig);
	take_signal(j->q, j->sig, 1);
	usleep(100000);
	take_none(j->q);
	CHECK_OK(tcsetpgrp(tty, pid));
	CHECK_EQ(write(ptmx, "x\n", 2), 2);
	CHECK_OK(kill(pid, SIGCONT));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
	CHECK_OK(tcsetpgrp(tty, getpgrp()));
	handle_signal(SIGHUP, SIG_IGN);
}

TEST(background_read)
{
	struct job j = { .q = nomask_queue(), .sig = SIGTTIN };

	wait_child(start_child(session, &j));
}

TEST(background_change)
{
	struct job j = { .q = nomask_queue(), .sig = SIGTTOU };

	wait_child(start_child(session, &j));
}

/* ---- How long ------------------------------------------------------------------ */

TEST(until_close)
{
	int q = nomask_queue();

	handle_signal(SIGUSR1, count_handled);
	add_signal(q, SIGUSR1 | NOMASK, 0);
	raise(SIGUSR1);
	CHECK_EQ(handled_now(), 0);
	close(q);
	raise(SIGUSR1);
	CHECK_EQ(handled_now(), 1);
}

/* The queue is kept, and released, by another process. */
TEST(until_released_elsewhere)
{
	struct turn there, back;
	int q = nomask_queue();
	pid_t pid;

	turn_make(&there);
	turn_make(&back);
	pid = CHECK_OK(fork());
	if (!pid) {
		handle_signal(SIGUSR1, count_handled);
		add_signal(q, SIGUSR1 | NOMASK, 0);
		close(q);
		raise(SIGUSR1);
		CHECK_EQ(handled_now(), 0);
		turn_give(&back);
		turn_take(&there);
		raise(SIGUSR1);
		CHECK_EQ(handled_now(), 1);
		_exit(0);
	}
	turn_take(&back);
	take_signal(q, SIGUSR1 | NOMASK, 1);
	close(q);
	turn_give(&there);
	wait_child(pid);
}

TEST(until_fired)
{
	int q = nomask_queue();

	handle_signal(SIGUSR1, count_handled);
	add_signal(q, SIGUSR1 | NOMASK, KEVENT_REQ_ONESHOT);
	raise(SIGUSR1);
	CHECK_EQ(handled_now(), 0);
	raise(SIGUSR1);
	CHECK_EQ(handled_now(), 1);
	take_signal(q, SIGUSR1 | NOMASK, 1);
	raise(SIGUSR1);
	CHECK_EQ(handled_now(), 2);
	take_none(q);
}

/* Disarmed, it still takes them, and tells of them after MODIFY. */
TEST(while_disarmed)
{
	int q = nomask_queue();

	handle_signal(SIGUSR1, count_handled);
	add_signal(q, SIGUSR1 | NOMASK, KEVENT_REQ_DISPATCH);
	raise(SIGUSR1);
	raise(SIGUSR1);
	take(q);
	raise(SIGUSR1);
	take_none(q);
	CHECK_EQ(handled_now(), 0);
	kev_modify(q, KEVENT_SIGNAL, SIGUSR1 | NOMASK, 1,
		   KEVENT_REQ_ALWAYS_QUEUE);
	take_signal(q, SIGUSR1 | NOMASK, 3);
}

static void exec_sleep(int q, bool by_thread);

static void *execs(void *arg)
{
	exec_sleep(*(int *)arg, false);
	return NULL;
}

static void exec_sleep(int q, bool by_thread)
{
	struct test_thread t;

	if (!by_thread) {
		execl("/bin/sleep", "sleep", "1000", NULL);
		FAIL("exec");
	}
	CHECK_EQ(pthread_create(&t.thread, NULL, execs, &q), 0);
	for (;;)
		pause();
}

TEST(until_exec)
{
	int q = nomask_queue(), status, i;
	struct turn go;
	pid_t pid;

	turn_make(&go);
	for (i = 0; i < 4; i++) {
		pid = CHECK_OK(fork());
		if (!pid) {
			add_signal(q, SIGTERM | NOMASK, KEVENT_REQ_CLOSED);
			raise(SIGTERM);
			turn_take(&go);
			exec_sleep(q, i & 1);
		}
		take_signal(q, SIGTERM | NOMASK, 1);
		turn_give(&go);
		CHECK_EQ(take(q).ret_flags,
			 KEVENT_RET_BROKEN | KEVENT_RET_CLOSED);
		CHECK_OK(kill(pid, SIGTERM));
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(WTERMSIG(status), SIGTERM);
		take_none(q);
		CHECK_SOON(watches_of(q) == 0);
	}
}

TEST(not_inherited)
{
	int q = nomask_queue(), status;
	pid_t pid;

	add_signal(q, SIGTERM | NOMASK, 0);
	pid = CHECK_OK(fork());
	if (!pid) {
		raise(SIGTERM);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGTERM);
	take_none(q);
}

/* ---- With others ---------------------------------------------------------------- */

/* It is taken while any watch wants it; plain ones see it as well. */
TEST(several)
{
	int q = nomask_queue(), other = nomask_queue();

	handle_signal(SIGUSR1, count_handled);
	add_signal(q, SIGUSR1, 0);
	add_signal(q, SIGUSR1 | NOMASK, 0);
	add_signal(other, SIGUSR1 | NOMASK, 0);
	raise(SIGUSR1);
	take_signal(other, SIGUSR1 | NOMASK, 1);
	CHECK_EQ(take(q).ret_data[1], 1);
	CHECK_EQ(take(q).ret_data[1], 1);
	kev_remove(q, KEVENT_SIGNAL, SIGUSR1 | NOMASK);
	raise(SIGUSR1);
	take_signal(q, SIGUSR1, 2);
	CHECK_EQ(handled_now(), 0);
	close(other);
	raise(SIGUSR1);
	take_signal(q, SIGUSR1, 3);
	CHECK_EQ(handled_now(), 1);
}

/* Other numbers of the process, and other processes, notice nothing. */
TEST(others_untouched)
{
	int q = nomask_queue(), status;
	pid_t pid;

	handle_signal(SIGUSR2, count_handled);
	add_signal(q, SIGUSR1 | NOMASK, 0);
	raise(SIGUSR2);
	CHECK_EQ(handled_now(), 1);
	pid = CHECK_OK(fork());
	if (!pid)
		for (;;)
			pause();
	CHECK_OK(kill(pid, SIGUSR1));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(WTERMSIG(status), SIGUSR1);
	take_none(q);
}

static bool stop;

static void *sends(void *arg)
{
	uint64_t n = 0;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		/* EAGAIN: too many are queued */
		if (!syscall(SYS_tgkill, getpid(), *(pid_t *)arg, SIGRTMIN + 4))
			n++;
		else
			CHECK_EQ(errno, EAGAIN);
		if (!(n % 64))
			sched_yield();
	}
	return (void *)(uintptr_t)n;
}

static void *sleeps(void *arg)
{
	char c;

	CHECK_EQ(read(*(int *)arg, &c, 1), 1);
	return NULL;
}

/* One from before is pending: it comes, and what is sent then is taken away all the same. */
TEST(beside_a_pending_one)
{
	int q = nomask_queue(), i;
	int sig = SIGRTMIN + 4;
	sigset_t set;

	handle_signal(sig, count_handled);
	sigemptyset(&set);
	sigaddset(&set, sig);
	CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	CHECK_OK(raise(sig));
	add_signal(q, sig | NOMASK, 0);
	for (i = 0; i < 3; i++)
		CHECK_OK(raise(sig));
	CHECK_EQ(take(q).ret_data[1], 3);
	kev_remove(q, KEVENT_SIGNAL, sig | NOMASK);
	CHECK_EQ(handled_now(), 0);
	CHECK_OK(sigprocmask(SIG_UNBLOCK, &set, NULL));
	CHECK_EQ(handled_now(), 1);
}

/* A timer whose signals were taken away: timer_settime(2) starts it again, if need be. */
TEST(timer_goes_on)
{
	const struct itimerspec often = {
		.it_value.tv_nsec = 10000000, .it_interval.tv_nsec = 10000000,
	};
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 4 };
	int q = nomask_queue();
	timer_t timer;

	handle_signal(event.sigev_signo, count_handled);
	add_signal(q, event.sigev_signo | NOMASK, 0);
	CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
	CHECK_OK(timer_settime(timer, 0, &often, NULL));
	CHECK_GE(take(q).ret_data[1], 1);
	CHECK_EQ(handled_now(), 0);
	kev_remove(q, KEVENT_SIGNAL, event.sigev_signo | NOMASK);
	CHECK_OK(timer_settime(timer, 0, &often, NULL));
	CHECK_SOON(handled_now() >= 3);
}

/*
 * It comes and goes under a storm.  Each signal is counted by the plain watch,
 * and either handled or taken.
 */
TEST(race)
{
	int q = nomask_queue(), all = kev_queue(NULL, 0), i;
	int sig = SIGRTMIN + 4;
	struct test_thread t, target;
	uint64_t sent, taken = 0;
	int fds[2];
	struct ukevent uk;
	int before;

	handle_signal(sig, count_handled);
	before = handled_now();
	add_signal(all, sig, 0);
	CHECK_OK(pipe(fds));
	thread_start(&target, sleeps, &fds[0]);
	thread_start(&t, sends, &target.tid);
	for (i = 0; i < 500; i++) {
		add_signal(q, sig | NOMASK, i % 3 ? 0 : KEVENT_REQ_ONESHOT);
		if (i & 1)
			taken += take(q).ret_data[1];
		try_signal(q, KEVENT_CTL_REMOVE, sig | NOMASK, 0);
		take_none(q);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	sent = (uintptr_t)thread_join(&t);
	send_byte(fds[1]);
	thread_join(&target);
	uk = take(all);
	CHECK_EQ(uk.ret_data[1], (uint32_t)sent);
	CHECK_LE(handled_now() - before, sent);
	CHECK_LE(handled_now() - before + taken, sent);
	CHECK_GT(handled_now(), before);
}
