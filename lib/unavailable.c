// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Why /dev/kevent can't be used here, in words. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <regex.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <kevent.h>

#include "kernels.h"	/* made of dkms.conf: for which there is a module */

#define DEVICE	"/dev/kevent"

static int exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* The beginning of a small file; "" if there is none. */
static const char *peek(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	buf[len < 0 ? 0 : len] = 0;
	return buf;
}

/* A container has its host's kernel, and often the host's /sys, but not its /dev. */
static int in_container(void)
{
	return exists("/.dockerenv") || exists("/run/.containerenv") ||
	       exists("/run/systemd/container");
}

static int matches(const char *text, const char *pattern)
{
	regex_t regex;
	int ret;

	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB))
		return 0;
	ret = !regexec(&regex, text, 0, NULL, 0);
	regfree(&regex);
	return ret;
}

/* A 32 bit program may be told another machine than the kernel's. */
static int kernel_is_supported(const struct utsname *name)
{
	const char *machine = strcmp(name->machine, "i686") ? name->machine : "x86_64";

	return matches(name->release, KEVENT_KERNELS) && matches(machine, KEVENT_MACHINES);
}

/* Does modprobe know a module of that name for the running kernel? */
static int module_is_installed(const struct utsname *name)
{
	char path[sizeof(name->release) + 64], line[4096];
	int found = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", name->release);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (!found && fgets(line, sizeof(line), f))
		found = strstr(line, "/kevent.ko") || !strncmp(line, "kevent.ko", 9);
	fclose(f);
	return found;
}

/* Lockdown comes with Secure Boot, and refuses a module without a known signature. */
static int modules_must_be_signed(void)
{
	static const char secure_boot[] = "/sys/firmware/efi/efivars/"
		"SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
	char buf[256];

	peek("/sys/kernel/security/lockdown", buf, sizeof(buf));
	if (strstr(buf, "[integrity]") || strstr(buf, "[confidentiality]"))
		return 1;
	peek("/sys/module/module/parameters/sig_enforce", buf, sizeof(buf));
	if (buf[0] == 'Y')
		return 1;
	memset(buf, 0, sizeof(buf));
	peek(secure_boot, buf, sizeof(buf));
	return buf[4] == 1;	/* behind four bytes of attributes */
}

/* The module is not there: can it be? */
static const char *why_not_loaded(void)
{
	struct utsname name;
	char buf[16];

	if (uname(&name) < 0 || !kernel_is_supported(&name))
		return "The module kevent is not loaded, and does not support the running kernel: "
		       "the README names those that it supports.";
	if (in_container())
		return "The module kevent is not loaded. This is a container: its host "
		       "must load the module, and pass in " DEVICE ".";
	if (peek("/proc/sys/kernel/modules_disabled", buf, sizeof(buf))[0] == '1')
		return "The module kevent is not loaded, and no module can be until the next boot "
		       "(sysctl kernel.modules_disabled).";
	if (modules_must_be_signed())
		return "The module kevent is not loaded. This system takes signed modules only "
		       "(Secure Boot, lockdown): the key that signed the module must be enrolled, "
		       "see docs/install.md. Then load it, as root: modprobe kevent";
	if (peek("/proc/sys/kernel/ftrace_enabled", buf, sizeof(buf))[0] == '0')
		return "The module kevent is not loaded, and cannot be while ftrace is switched off "
		       "(sysctl kernel.ftrace_enabled).";
	if (!module_is_installed(&name))
		return "The module kevent is neither loaded nor installed for the running kernel.";
	return "The module kevent is not loaded. As root: modprobe kevent";
}

static const char *why_absent(void)
{
	if (!exists("/sys/module"))
		return "There is no " DEVICE ", and no /sys in which to find out why.";
	if (!exists("/sys/module/kevent"))
		return why_not_loaded();
	if (in_container())
		return "The module kevent is loaded, but " DEVICE " is not in this container. "
		       "It must be passed in, for example with docker run --device " DEVICE ".";
	return "The module kevent is loaded, but there is no " DEVICE " here: this is a container "
	       "or a chroot without it, or nobody has made it (udev, devtmpfs).";
}

static const char *why_not_permitted(void)
{
	if (access(DEVICE, R_OK | W_OK) == 0)
		return DEVICE " may not be opened here, although its mode allows it: a container's "
		       "device rules, a seccomp filter or a security module forbids it.";
	return "This user may not open " DEVICE " for reading and writing: see its mode and group "
	       "(udev/60-kevent.rules).";
}

static const char *why_not_opened(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return why_absent();
	case ENXIO:
	case ENODEV:
		return exists("/sys/module/kevent") ?
		       DEVICE " was made for a module that is not loaded any more: its device number is out of date." :
		       why_not_loaded();
	case EACCES:
	case EPERM:
		return why_not_permitted();
	case EOWNERDEAD:
		return "kevent cannot see the end of files: ftrace is switched off (sysctl "
		       "kernel.ftrace_enabled), or a live patch has taken the kernel's function __fput.";
	case EMFILE:
		return "This process has too many open files (RLIMIT_NOFILE).";
	case ENFILE:
		return "The system has too many open files (sysctl fs.file-max).";
	case ENOMEM:
		return "The kernel has no memory for a queue.";
	default:
		return DEVICE " cannot be opened, for a reason that kevent does not know: see errno.";
	}
}

static const char *why_no_queue(int error)
{
	if (error == EPERM || error == EACCES || error == ENOSYS)
		return "ioctl(2) of " DEVICE " is forbidden here, for example by a seccomp filter.";
	return DEVICE " is not kevent's device.";
}

const char *kevent_unavailable(void)
{
	struct kevent_ioc_info info;
	const char *text = NULL;
	int fd = kevent_open();
	int err = fd < 0 ? errno : 0;

	if (err) {
		text = why_not_opened(err);
	} else if (kevent_info(fd, &info) < 0) {
		err = errno;
		text = why_no_queue(err);
	} else if (info.abi != KEVENT_ABI_VERSION) {
		err = EPROTO;
		text = "The module kevent that is loaded is of another version than this library.";
	}
	if (fd >= 0)
		close(fd);
	if (err)
		errno = err;
	return text;
}
