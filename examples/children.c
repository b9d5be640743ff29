// SPDX-License-Identifier: GPL-2.0
/*
 * Child reaping: "children COMMAND..." runs commands at once and prints how each ended,
 * in the order in which they end.  No SIGCHLD, no handler, no pidfds: a child is watched
 * by its pid, and the event has its status.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <kevent.h>

static int start(int queue, const char *command, uint64_t number)
{
	struct ukevent uk;
	pid_t pid = fork();

	if (!pid) {
		/* the queue is close-on-exec */
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	if (pid < 0)
		return -1;
	/* one that has exited already has an event, too: it was not waited for */
	kevent_prep_child(&uk, pid, 0, number);
	return kevent_add(queue, &uk);
}

static void ended(const struct ukevent *uk, char **commands)
{
	int status = (int)uk->ret_data[1];

	if (WIFEXITED(status))
		printf("%s: status %d\n", commands[uk->ptr], WEXITSTATUS(status));
	else
		printf("%s: signal %d\n", commands[uk->ptr], WTERMSIG(status));
	fflush(stdout);
	waitpid((pid_t)uk->id.raw[0], NULL, 0);	/* does not wait: it has exited */
}

int main(int argc, char **argv)
{
	struct kevent_ring ring;
	const struct ukevent *uk;
	int i, running = 0, queue = kevent_init(&ring, 64, KEVENT_WAKE_FIFO, 0);

	if (queue < 0)
		return 1;
	for (i = 1; i < argc; i++) {
		if (start(queue, argv[i], (uint64_t)i) < 0)
			perror(argv[i]);
		else
			running++;
	}
	while (running && (kevent_ring_wait(&ring, NULL) >= 0 || errno == EINTR))
		for (; (uk = kevent_ring_more(&ring)); running--)
			ended(uk, argv);
	return kevent_destroy(&ring) < 0 || running;
}
