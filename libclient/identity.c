/* SPDX-License-Identifier: MIT */
/* Who is writing: service, version, process, machine. The environment is ignored with elevated privileges. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "private.h"

static ssize_t file_read(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -1;
	ssize_t len = read(fd, out, size - 1);
	close(fd);
	if (len >= 0)
		out[len] = 0;
	return len;
}

static const char *environment(const char *name)
{
	return getauxval(AT_SECURE) ? NULL : getenv(name);
}

/* One key of OTEL_RESOURCE_ATTRIBUTES ("key=value,key=value"; values are percent-encoded as in W3C Baggage). */
static bool resource_attribute(const char *key, char *out, size_t size)
{
	const char *list = environment("OTEL_RESOURCE_ATTRIBUTES");
	size_t key_len = strlen(key);
	while (list && *list) {
		const char *end = strchrnul(list, ',');
		list += strspn(list, " ");
		if (!strncmp(list, key, key_len) && list[key_len] == '=') {
			size_t len = 0;
			for (const char *c = list + key_len + 1; c < end && len + 1 < size; c++) {
				unsigned int byte;
				if (*c == '%' && end - c > 2 && sscanf(c + 1, "%2x", &byte) == 1 && byte)
					out[len++] = (char)byte, c += 2;
				else
					out[len++] = *c;
			}
			out[len] = 0;
			return len > 0;
		}
		list = *end ? end + 1 : end;
	}
	return false;
}

static void text_copy(char *out, size_t size, const char *text)
{
	size_t len = mstat_min(strlen(text), size - 1);
	/* Never half a character: what is cut must still be UTF-8. */
	if (len < strlen(text))
		while (len && (text[len] & 0xc0) == 0x80)
			len--;
	memcpy(out, text, len);
	out[len] = 0;
}

void mstat_identity_service(const char *wanted, char *out, size_t out_size)
{
	const char *from_environment = environment("OTEL_SERVICE_NAME");
	if (wanted && *wanted)
		text_copy(out, out_size, wanted);
	else if (from_environment && *from_environment)
		text_copy(out, out_size, from_environment);
	else if (!resource_attribute("service.name", out, out_size))
		text_copy(out, out_size, program_invocation_short_name ? program_invocation_short_name : "unknown");
	if (!*out || !mstat_utf8_valid(out, strlen(out)))
		text_copy(out, out_size, "unknown");
}

void mstat_identity_version(const char *wanted, char *out, size_t out_size)
{
	if (wanted)
		text_copy(out, out_size, wanted);
	else if (!resource_attribute("service.version", out, out_size))
		out[0] = 0;
	if (!mstat_utf8_valid(out, strlen(out)))
		out[0] = 0;
}

void mstat_identity_uuid(uint8_t uuid[16])
{
	if (getrandom(uuid, 16, GRND_NONBLOCK) != 16) {
		/* No entropy yet, or no system call: time, pid and the kernel's random bytes of this exec. */
		uint64_t words[2] = {mstat_realtime_ns() ^ (uint64_t)getpid() << 40, mstat_monotonic_ns()};
		const char *random = (const char *)getauxval(AT_RANDOM);
		uint64_t more[2] = {0, 0};
		if (random)
			memcpy(more, random, sizeof(more));
		words[0] ^= more[0], words[1] ^= more[1];
		memcpy(uuid, words, 16);
	}
	uuid[6] = (uuid[6] & 0x0f) | 0x40; /* RFC 4122: version 4, variant 1 */
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
}

void mstat_identity_boot(uint8_t boot_id[16])
{
	char text[64] = "";
	size_t n = 0;
	memset(boot_id, 0, 16);
	if (file_read("/proc/sys/kernel/random/boot_id", text, sizeof(text)) <= 0)
		return;
	for (const char *c = text; n < 16 && c[0] && c[1]; c++) {
		unsigned int byte;
		if (*c != '-' && sscanf(c, "%2x", &byte) == 1)
			boot_id[n++] = (uint8_t)byte, c++;
	}
}

uint64_t mstat_identity_start_ticks(uint32_t pid)
{
	char path[32] = "/proc/self/stat", text[1024];
	unsigned long long ticks = 0;
	if (pid)
		snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	if (file_read(path, text, sizeof(text)) <= 0)
		return 0;
	/* The name in field 2 may hold spaces and brackets: count from the last bracket. */
	char *rest = strrchr(text, ')');
	if (!rest ||
	    sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		   &ticks) != 1)
		return 0;
	return ticks;
}

uint32_t mstat_identity_pid_namespace(void)
{
	struct stat status;
	return stat("/proc/self/ns/pid", &status) ? 0 : (uint32_t)status.st_ino;
}

/* How many CPU numbers there can be: rows are indexed by number, also of CPUs that come later. */
uint32_t mstat_identity_cpu_count(void)
{
	char text[256];
	uint32_t last = 0;
	if (file_read("/sys/devices/system/cpu/possible", text, sizeof(text)) > 0) {
		for (const char *c = text; *c >= '0' && *c <= '9';) {
			last = (uint32_t)strtoul(c, (char **)&c, 10);
			if (*c == '-' || *c == ',')
				c++;
		}
	} else {
		long configured = sysconf(_SC_NPROCESSORS_CONF);
		last = configured > 0 ? (uint32_t)configured - 1 : 0;
	}
	return mstat_min(last, MSTAT_CPU_MAX - 1u) + 1;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now = {0};
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t mstat_realtime_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

uint64_t mstat_monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}
