/* SPDX-License-Identifier: MIT */
/* SELinux: whether it is there and enforcing. */
#include <linux/magic.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/vfs.h>

#include "host.h"
#include "host_absent.h"

static const struct host_family enabled_family =
	HOST_GAUGE("node_selinux_enabled", "SELinux is enabled, 1 is true, 0 is false");
static const struct host_family config_family =
	HOST_GAUGE("node_selinux_config_mode", "Configured SELinux enforcement mode");
static const struct host_family current_family =
	HOST_GAUGE("node_selinux_current_mode", "Current SELinux enforcement mode");

enum mode { MODE_DISABLED = -1, MODE_PERMISSIVE = 0, MODE_ENFORCING = 1 };

/* Its file system is mounted, and a policy is loaded: before that, every process is labelled "kernel". */
static bool is_enabled(struct host *host)
{
	char path[PATH_MAX], label[256];
	struct statfs status;
	if (host_path(host, HOST_SYS, "fs/selinux", path, sizeof(path)) || statfs(path, &status) ||
	    (unsigned long)status.f_type != SELINUX_MAGIC)
		return false;
	return !host_read_string(host, HOST_PROC, "self/attr/current", label, sizeof(label)) &&
	       strcmp(label, "kernel") != 0;
}

/* SELINUX=... of the configuration file. */
static enum mode config_mode(struct host *host)
{
	struct text text, line;
	if (host_read(host, HOST_ROOTFS, "etc/selinux/config", &text))
		return MODE_DISABLED;
	while (text_line(&text, &line)) {
		text_blanks(&line);
		if (!text_take(&line, "SELINUX="))
			continue;
		const char *mode = text_rest(&line);
		return !strcasecmp(mode, "enforcing")    ? MODE_ENFORCING
		       : !strcasecmp(mode, "permissive") ? MODE_PERMISSIVE
							 : MODE_DISABLED;
	}
	return MODE_DISABLED;
}

static int selinux_collect(struct host *host)
{
	struct absence *absence = host->state;
	uint64_t enforcing;
	/* Where it is not, it does not come before the next start of the kernel, unless its file system is mounted
	 * late. */
	const bool due = absence_look_due(absence), enabled = due && is_enabled(host);
	if (due)
		absence_note(absence, 0, enabled);
	host_u64(host, &enabled_family, enabled);
	if (!enabled)
		return 0;
	host_i64(host, &config_family, config_mode(host));
	enum mode current = host_read_u64(host, HOST_SYS, "fs/selinux/enforce", &enforcing) ? MODE_DISABLED
			    : enforcing                                                     ? MODE_ENFORCING
											    : MODE_PERMISSIVE;
	host_i64(host, &current_family, current);
	return 0;
}

static int selinux_open(struct host *host)
{
	host->state = calloc(1, sizeof(struct absence));
	return host->state ? 0 : -ENOMEM;
}

static void selinux_close(struct host *host)
{
	free(host->state);
}

const struct host_ops host_selinux = {.collect = selinux_collect, .open = selinux_open, .close = selinux_close};
