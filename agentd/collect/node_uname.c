/* SPDX-License-Identifier: MIT */
/* The kernel's name and version: uname(2). */
#include <sys/utsname.h>

#include "host.h"

static const struct host_family info_family =
	HOST_GAUGE("node_uname_info", "Labeled system information as provided by the uname system call.", "sysname",
		   "release", "version", "machine", "nodename", "domainname");

static int uname_collect(struct host *host)
{
	struct utsname name;
	if (uname(&name))
		return -errno;
	host_u64(host, &info_family, 1, name.sysname, name.release, name.version, name.machine, name.nodename,
		 name.domainname);
	return 0;
}

const struct host_ops host_uname = {.collect = uname_collect};
