// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a command with a time limit: "run SECONDS COMMAND" copies what the command says
 * to the standard output, kills it when the time is up, and tells how it ended.  A pipe,
 * a child and a timer in one queue: no SIGCHLD, no handler, no pidfd, no timerfd.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <kevent.h>

#define SECOND	1000000000ull	/* ns */

enum { OUTPUT = 1, LIMIT, EXIT };	/* what an event is about: its ptr */

/* Starts the command; *out is the reading end of its output, non-blocking. */
static pid_t start(const char *command, int *out)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	*out = fds[0];
	return pid;
}

/* Copies what there is.  The watch is edge-triggered, so this reads until there is no more. */
static void copy(int fd)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)n, stdout);
	fflush(stdout);
}

/* Returns the status as waitpid(2) gives it. */
static int run(pid_t child, int out, uint64_t limit)
{
	const struct ukevent *uk;
	struct kevent_ring ring;
	struct ukevent add[3];
	int i, queue, status = -1;

	queue = kevent_init(&ring, 64, KEVENT_WAKE_FIFO, 0);
	if (queue < 0)
		return -1;
	kevent_prep(&add[0], KEVENT_PIPE, out, KEVENT_PIPE_RECV, KEVENT_REQ_ET, OUTPUT);
	kevent_prep_timer(&add[1], 1, limit, 0, CLOCK_MONOTONIC, 0, LIMIT);
	kevent_prep_child(&add[2], child, 0, EXIT);
	for (i = 0; i < 3; i++)
		if (kevent_add(queue, &add[i]) < 0)
			return -1;

	while (status < 0 && (kevent_ring_wait(&ring, NULL) >= 0 || errno == EINTR))
		while ((uk = kevent_ring_more(&ring))) {
			if (uk->ptr == OUTPUT)
				copy(out);		/* reads until EAGAIN */
			else if (uk->ptr == LIMIT)
				kill(child, SIGKILL);
			else
				status = uk->ret_data[1];
		}
	kevent_destroy(&ring);
	return status;
}

int main(int argc, char **argv)
{
	int out, status;
	pid_t child;

	if (argc != 3) {
		fprintf(stderr, "usage: run SECONDS COMMAND\n");
		return 2;
	}
	child = start(argv[2], &out);
	status = child < 0 ? -1 : run(child, out, strtoull(argv[1], NULL, 0) * SECOND);
	if (status < 0) {
		perror("run");
		return 1;
	}
	copy(out);			/* what came just before its end */
	waitpid(child, NULL, 0);	/* does not wait: it has exited */
	if (WIFSIGNALED(status))
		printf("signal %d\n", WTERMSIG(status));
	else
		printf("status %d\n", WEXITSTATUS(status));
	return 0;
}
