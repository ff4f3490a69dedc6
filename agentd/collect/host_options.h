/* SPDX-License-Identifier: MIT */
/* The settings of the host collectors, as they get them: see collectors.def and collector_options.def. */
#ifndef AGENTD_COLLECT_HOST_OPTIONS_H
#define AGENTD_COLLECT_HOST_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Index of a host collector: HOST_INDEX_cpu, ... */
enum host_index {
#define HOST_COLLECTOR(name, ...) HOST_INDEX_##name,
#include "collectors.def"
	HOST_INDEX_COUNT
};

enum host_root { HOST_PROC, HOST_SYS, HOST_ROOTFS, HOST_UDEV, HOST_ROOT_COUNT };

/* What an option's TYPE is in struct host_options. */
typedef const char *host_option_TEXT; /* never NULL; "" where not set */
typedef const char *host_option_PATTERN;
typedef bool host_option_SWITCH;
typedef int64_t host_option_COUNT;
typedef int64_t host_option_DURATION;   /* ns */
typedef char *const *host_option_TEXTS; /* NULL-terminated; NULL where empty */

struct host_options {
	const char *paths[HOST_ROOT_COUNT];
	int64_t deadline_ns; /* how long a collection waits for HOST_SLOW collectors */
	bool enabled[HOST_INDEX_COUNT];
#define COLLECTOR_OPTION(option, field, type, ...) host_option_##type field;
#include "collector_options.def"
};

#endif
