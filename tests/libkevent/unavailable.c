// SPDX-License-Identifier: GPL-2.0
/* Tests what is said where /dev/kevent can't be used, in places that are made so. */
#include "kev.h"
#include "seccomp.h"

#include <linux/audit.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>

/* A mount namespace of its own: what is mounted there, nobody else sees. */
static void own_mounts(void)
{
	CHECK_OK(unshare(CLONE_NEWNS));
	CHECK_OK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

static void hide(const char *dir)
{
	mkdir(dir, 0755);
	CHECK_OK(mount("none", dir, "tmpfs", 0, NULL));
}

static void make_dirs(const char *path)
{
	char dir[256];
	size_t i;

	for (i = 1; path[i]; i++) {
		if (path[i] != '/')
			continue;
		memcpy(dir, path, i);
		dir[i] = 0;
		CHECK(!mkdir(dir, 0755) || errno == EEXIST);
	}
}

/* A file with this content, and the directories to it. */
static void put(const char *path, const char *text, size_t len)
{
	int fd;

	make_dirs(path);
	fd = CHECK_OK(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	CHECK_EQ(write(fd, text, len), len);
	CHECK_OK(close(fd));
}

/* Something else where a file of the kernel's is. */
static void replace(const char *path, const char *text)
{
	put("/dev/replacement", text, strlen(text));
	CHECK_OK(mount("/dev/replacement", path, NULL, MS_BIND, NULL));
}

/* The answer has to have this in it, and errno to be this. */
#define CHECK_WHY(error, words) do {				\
	const char *why_;					\
								\
	errno = 0;						\
	why_ = kevent_unavailable();				\
	CHECK_EQ(errno, error);					\
	if (!why_ || !strstr(why_, words))			\
		FAIL("\"%s\" has no \"%s\"", why_ ?: "", words);	\
} while (0)

/* ---- The module is not loaded ---------------------------------------------- */

static void no_module(void)
{
	own_mounts();
	hide("/dev");
	hide("/sys/module");
}

static void install_module(void)
{
	char path[256];
	struct utsname name;

	hide("/lib/modules");
	CHECK_OK(uname(&name));
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", name.release);
	put(path, "updates/dkms/kevent.ko:\n", 24);
}

TEST(available)
{
	unsigned int fds = count_fds();

	CHECK(!kevent_unavailable());
	CHECK_EQ(count_fds(), fds);
}

TEST(not_loaded)
{
	no_module();
	install_module();
	CHECK_WHY(ENOENT, "not loaded. As root: modprobe");
}

TEST(not_installed)
{
	no_module();
	hide("/lib/modules");
	CHECK_WHY(ENOENT, "nor installed for the running kernel");
}

TEST(kernel_not_supported)
{
	no_module();
	CHECK_OK(personality(UNAME26));
	CHECK_WHY(ENOENT, "does not support the running kernel");
}

TEST(no_more_modules)
{
	no_module();
	install_module();
	replace("/proc/sys/kernel/modules_disabled", "1\n");
	CHECK_WHY(ENOENT, "modules_disabled");
}

TEST(ftrace_off)
{
	no_module();
	install_module();
	replace("/proc/sys/kernel/ftrace_enabled", "0\n");
	CHECK_WHY(ENOENT, "while ftrace is switched off");
}

TEST(lockdown)
{
	no_module();
	install_module();
	hide("/sys/kernel");
	put("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n", 33);
	CHECK_WHY(ENOENT, "signed modules only");
	put("/sys/kernel/security/lockdown", "none integrity [confidentiality]\n", 33);
	CHECK_WHY(ENOENT, "signed modules only");
}

TEST(lockdown_none)
{
	no_module();
	install_module();
	hide("/sys/kernel");
	put("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n", 33);
	CHECK_WHY(ENOENT, "modprobe kevent");
}

TEST(secure_boot)
{
	const char *path = "/sys/firmware/efi/efivars/"
			   "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

	no_module();
	install_module();
	hide("/sys/firmware");
	put(path, "\6\0\0\0\1", 5);
	CHECK_WHY(ENOENT, "Secure Boot");
	put(path, "\6\0\0\0\0", 5);
	CHECK_WHY(ENOENT, "not loaded. As root");
}

TEST(signatures_enforced)
{
	no_module();
	install_module();
	put("/sys/module/module/parameters/sig_enforce", "Y\n", 2);
	CHECK_WHY(ENOENT, "signed modules only");
}

TEST(container_of_a_host_without)
{
	no_module();
	hide("/run");
	put("/run/.containerenv", "", 0);
	CHECK_WHY(ENOENT, "host must load the module");
}

/* A device of an earlier module, or one that was made in vain. */
TEST(device_without_module)
{
	no_module();
	install_module();
	CHECK_OK(mknod("/dev/kevent", S_IFCHR | 0666, makedev(499, 0)));
	CHECK_WHY(ENXIO, "not loaded. As root");
	make_dirs("/sys/module/kevent/");
	CHECK_WHY(ENXIO, "out of date");
}

/* ---- It is loaded, and yet ---------------------------------------------------- */

TEST(not_in_the_container)
{
	own_mounts();
	hide("/dev");
	hide("/run");
	CHECK_WHY(ENOENT, "no /dev/kevent here");
	put("/run/.containerenv", "", 0);
	CHECK_WHY(ENOENT, "--device /dev/kevent");
}

TEST(without_sys)
{
	own_mounts();
	hide("/dev");
	hide("/sys");
	CHECK_WHY(ENOENT, "no /sys");
}

/* The device again, with another mode. */
static void device_with_mode(mode_t mode)
{
	struct stat st;

	CHECK_OK(stat("/dev/kevent", &st));
	own_mounts();
	hide("/dev");
	CHECK_OK(mknod("/dev/kevent", S_IFCHR | mode, st.st_rdev));
	CHECK_OK(chmod("/dev/kevent", mode));
}

TEST(no_permission)
{
	device_with_mode(0660);
	CHECK(!kevent_unavailable());
	become_user(TEST_USER_ID);
	CHECK_WHY(EACCES, "This user may not open");
}

TEST(another_device)
{
	own_mounts();
	hide("/dev");
	CHECK_OK(mknod("/dev/kevent", S_IFCHR | 0666, makedev(1, 3)));
	CHECK_WHY(ENOTTY, "not kevent's device");
}

TEST(no_more_files)
{
	struct rlimit limit = { 0, 0 };

	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_WHY(EMFILE, "RLIMIT_NOFILE");
}

TEST(forbidden_to_open)
{
	forbid(SYS_openat, EPERM);
	CHECK_WHY(EPERM, "a seccomp filter");
}

TEST(forbidden_to_call)
{
	forbid(SYS_ioctl, EPERM);
	CHECK_WHY(EPERM, "ioctl(2) of /dev/kevent is forbidden");
}

/* What the module answers when it can't see the end of files: load/switches. */
TEST(cannot_see_the_end_of_files)
{
	forbid(SYS_openat, EOWNERDEAD);
	CHECK_WHY(EOWNERDEAD, "live patch");
}

TEST(no_memory)
{
	forbid(SYS_openat, ENOMEM);
	CHECK_WHY(ENOMEM, "memory");
}

TEST(system_has_no_more_files)
{
	forbid(SYS_openat, ENFILE);
	CHECK_WHY(ENFILE, "fs.file-max");
}

TEST(unheard_of)
{
	forbid(SYS_openat, EXDEV);
	CHECK_WHY(EXDEV, "see errno");
}
