/* SPDX-License-Identifier: GPL-2.0 */
/* Loading and unloading the module in a test. */
#ifndef KEVENT_TEST_MODULE_H
#define KEVENT_TEST_MODULE_H

#include "kev.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Where the runner of the virtual machine puts it; KEVENT_KO says else. */
static inline const char *module_path(void)
{
	const char *path = getenv("KEVENT_KO");

	return path ? path : "/vm/kevent.ko";
}

static inline int unload(void)
{
	return syscall(SYS_delete_module, "kevent", O_NONBLOCK);
}

static inline bool is_busy(int error)
{
	return error == EBUSY || error == EWOULDBLOCK;
}

/* Returns 0, or -1 with errno. */
static inline int try_load(const char *parameters)
{
	int fd = CHECK_OK(open(module_path(), O_RDONLY | O_CLOEXEC));
	int ret = syscall(SYS_finit_module, fd, parameters, 0), error = errno;

	close(fd);
	errno = error;
	return ret;
}

static inline void load(const char *parameters)
{
	CHECK_OK(try_load(parameters));
	CHECK_SOON(access("/dev/kevent", F_OK) == 0);
	CHECK_OK(chmod("/dev/kevent", 0666));
}

static inline bool is_loaded(void)
{
	return access("/sys/module/kevent/refcnt", F_OK) == 0;
}

/* The last reference to a queue may still be on its way out. */
static inline void unload_soon(void)
{
	CHECK_SOON(unload() == 0 || !is_busy(errno));
	CHECK(!is_loaded());
	CHECK_ERRNO(open("/dev/kevent", O_RDWR), ENOENT);
}

/* Whatever becomes of the test, the next program finds the module. */
static inline void run_apart_with(const char *parameters,
				  void (*run)(void *arg), void *arg)
{
	pid_t pid;
	int status;

	if (access(module_path(), R_OK) < 0 || !is_loaded())
		SKIP("no %s, or built in", module_path());
	pid = start_child(run, arg);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (!is_loaded())
		load(parameters);
	if (WIFSIGNALED(status))
		FAIL("killed by signal %d", WTERMSIG(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
}

static inline void run_apart(void (*run)(void *arg), void *arg)
{
	run_apart_with("", run, arg);
}

/*
 * QEMU's TCG now and then runs into the breakpoint of code patching after it was
 * taken away, and the kernel dies of it, with or without this module. So there,
 * patching and what is patched share a CPU.
 */
static inline void keep_off_tcg(void)
{
	char line[256];
	FILE *f = fopen("/proc/cpuinfo", "re");

	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, "QEMU TCG")) {
			pin_to_cpu(0);
			break;
		}
	}
	fclose(f);
}

#endif
