/* SPDX-License-Identifier: MIT */
/* Privileges: how the agent gives them up.
 *
 * By system calls without libcap: three of them, against one more library in every agent.
 */
#include "privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct capability {
	const char *name;
	unsigned number;
};
static const struct capability capabilities[] = {
#define CAPABILITY(name) {"CAP_" #name, CAP_##name},
#include "capabilities.def"
};
#define CAPABILITY_COUNT (sizeof(capabilities) / sizeof(capabilities[0]))

static const struct capability *capability_find(const char *name)
{
	const size_t skip = strncasecmp(name, "CAP_", 4) ? 4 : 0;
	for (size_t i = 0; i < CAPABILITY_COUNT; i++) {
		if (!strcasecmp(capabilities[i].name + skip, name))
			return &capabilities[i];
	}
	return NULL;
}

int privileges_parse(char *const *names, size_t count, uint64_t *set, const char **bad)
{
	uint64_t parsed = 0;
	for (size_t i = 0; i < count; i++) {
		const struct capability *capability = capability_find(names[i]);
		if (!strcasecmp(names[i], "none"))
			continue;
		if (!capability) {
			*bad = names[i];
			return -EINVAL;
		}
		parsed |= UINT64_C(1) << capability->number;
	}
	*set = parsed;
	return 0;
}

static int sets_get(struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3])
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	return syscall(SYS_capget, &header, data) ? -errno : 0;
}

static int sets_keep(uint64_t keep)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	int r = sets_get(data);
	for (size_t i = 0; !r && i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].permitted &= (uint32_t)(keep >> (32 * i));
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	if (!r && syscall(SYS_capset, &header, data))
		r = -errno;
	return r;
}

/* Bounds what a later execve() could give. Only who has CAP_SETPCAP may lower it; for the others no_new_privs and the
 * empty sets have the same effect. Numbers that this kernel does not know end it. */
static void bounding_set_clear(void)
{
	for (unsigned long number = 0; number < 64; number++) {
		if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0))
			break;
	}
}

int privileges_drop(uint64_t keep)
{
	bounding_set_clear();
	/* A kernel without ambient capabilities has none. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) && errno != EINVAL)
		return -errno;
	const int r = sets_keep(keep);
	if (r)
		return r;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}

uint64_t privileges_now(void)
{
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	return sets_get(data) ? 0 : (uint64_t)data[1].effective << 32 | data[0].effective;
}

void privileges_print(uint64_t set, char *out, size_t size)
{
	size_t len = 0;
	out[0] = '\0';
	for (size_t i = 0; i < CAPABILITY_COUNT; i++) {
		if (!(set >> capabilities[i].number & 1))
			continue;
		const int added = snprintf(out + len, size - len, "%s%s", len ? " " : "", capabilities[i].name);
		len += (size_t)added;
		if (len >= size)
			break;
	}
}
