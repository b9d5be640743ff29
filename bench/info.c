// SPDX-License-Identifier: GPL-2.0
/* What is measured on: the first line of the figures. */

#include <kevent.h>
#include <sched.h>
#include <string.h>
#include <sys/utsname.h>

#include "bench.h"

#define CPUINFO		"/proc/cpuinfo"
#define GOVERNOR	"/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor"

static void json_text(FILE *f, const char *name, const char *text)
{
	fprintf(f, ",\"%s\":\"", name);
	for (; *text; text++) {
		if (*text != '"' && *text != '\\' && (unsigned char)*text >= ' ')
			fputc(*text, f);
	}
	fputc('"', f);
}

/* The value of the first line that begins with @name, or "". */
static const char *cpuinfo(const char *name)
{
	static char line[4096];
	FILE *f = fopen(CPUINFO, "r");
	const char *found = "";

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, name, strlen(name)) || !strchr(line, ':'))
			continue;
		line[strcspn(line, "\n")] = 0;
		found = strchr(line, ':') + 1;
		found += strspn(found, " ");
		break;
	}
	if (f)
		fclose(f);
	return found;
}

/* Of the CPU that this program stays on; "" where the frequency is fixed. */
static const char *governor(void)
{
	static char word[64];
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), GOVERNOR, sched_getcpu());
	f = fopen(path, "r");
	if (!f || fscanf(f, "%63s", word) != 1)
		word[0] = 0;
	if (f)
		fclose(f);
	return word;
}

/* "2.1.0", or "" without it. */
static const char *module_version(void)
{
	struct kevent_ioc_info info;
	static char version[32];
	int fd = kevent_open();

	if (fd >= 0 && kevent_info(fd, &info) >= 0)
		snprintf(version, sizeof(version), "%u.%u.%u",
			 info.version >> 16, info.version >> 8 & 0xff,
			 info.version & 0xff);
	if (fd >= 0)
		close(fd);
	return version;
}

void info_write(FILE *f, unsigned int repeat)
{
	bool virtual = strstr(cpuinfo("flags"), " hypervisor");
	struct utsname uts;

	uname(&uts);
	fprintf(f, "{\"kevent-bench\":1");
	json_text(f, "kernel", uts.release);
	json_text(f, "machine", uts.machine);
	json_text(f, "cpu", cpuinfo("model name"));
	fprintf(f, ",\"virtual\":%s", virtual ? "true" : "false");
	json_text(f, "governor", governor());
	json_text(f, "compiler", "gcc " __VERSION__);
	json_text(f, "module", module_version());
	fprintf(f, ",\"repeat\":%u}\n", repeat);
	fflush(f);
}
