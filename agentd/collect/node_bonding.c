/* SPDX-License-Identifier: MIT */
/* Bonded network devices: /sys/class/net/bonding_masters. */
#include <stdio.h>
#include <string.h>

#include "host.h"

#define NET_PATH "class/net"
#define NAMES_BYTES_MAX 4096

static const struct host_family slaves_family =
	HOST_GAUGE("node_bonding_slaves", "Number of configured slaves per bonding interface.", "master");
static const struct host_family active_family =
	HOST_GAUGE("node_bonding_active", "Number of active slaves per bonding interface.", "master");

/* Whether the link of a slave is up. Kernels before 3.15 call its directory "slave_". */
static bool slave_active(struct host *host, const char *master, const char *slave)
{
	static const char *const prefixes[] = {"lower_", "slave_"};
	char path[HOST_PATH_MAX], status[16];
	for (size_t i = 0; i < HOST_COUNT_OF(prefixes); i++) {
		host_format(path, NET_PATH "/%s/%s%s/bonding_slave/mii_status", master, prefixes[i], slave);
		if (!host_read_string(host, HOST_SYS, path, status, sizeof(status)))
			return !strcmp(status, "up");
	}
	return false;
}

static void master_sample(struct host *host, const char *master)
{
	char path[HOST_PATH_MAX], names[NAMES_BYTES_MAX], *slave;
	uint64_t slaves = 0, active = 0;
	if (host_read_string(host, HOST_SYS, host_format(path, NET_PATH "/%s/bonding/slaves", master), names,
			     sizeof(names))) {
		host_skip(host);
		return;
	}
	struct text text = {names, names + strlen(names)};
	while ((slave = text_word(&text))) {
		slaves++;
		active += slave_active(host, master, slave);
	}
	host_u64(host, &slaves_family, slaves, master);
	host_u64(host, &active_family, active, master);
}

static int bonding_collect(struct host *host)
{
	struct text text;
	char *master;
	/* The reads below leave the collector's buffer as it is. */
	int r = host_read(host, HOST_SYS, NET_PATH "/bonding_masters", &text);
	if (r)
		return r;
	while ((master = text_word(&text)))
		master_sample(host, master);
	return 0;
}

const struct host_ops host_bonding = {.collect = bonding_collect};
