/* SPDX-License-Identifier: MIT */
/* Questions on D-Bus, for collectors on threads of their own: one connection per collection, and a deadline for all of
 * its questions together, after which each fails with -ETIMEDOUT at once. */
#ifndef AGENTD_COLLECT_HOST_BUS_H
#define AGENTD_COLLECT_HOST_BUS_H

#include <systemd/sd-bus.h>

#include "host.h"

/* How long the questions of one collection may take together. */
#define HOST_BUS_TIMEOUT_NS INT64_C(5000000000)

struct host_bus {
	sd_bus *bus;
	const char *service; /* who is asked: "org.freedesktop.systemd1" */
	int64_t deadline_ns;
};

/* Connects to the system bus below --path.rootfs (/run/dbus/system_bus_socket), or, for root and if `private_path` is
 * not NULL, to that socket, which systemd itself serves even where no bus runs. Waits until the connection is ready. 0,
 * -ENOENT where there is no such socket, -ETIMEDOUT, or -errno. */
int host_bus_open(struct host *host, const char *service, const char *private_path, struct host_bus *bus);
void host_bus_close(struct host_bus *bus);

/* Whether the deadline is over. */
bool host_bus_expired(const struct host_bus *bus);

/* Calls a method without arguments. The caller unrefs *reply. -ENODATA where the bus does not know the service. */
int host_bus_call(struct host_bus *bus, const char *path, const char *interface, const char *method,
		  sd_bus_message **reply);

/* Properties. A string is cut to size - 1 bytes. -EBADMSG if it is of another type. */
int host_bus_string(struct host_bus *bus, const char *path, const char *interface, const char *property, char *string,
		    size_t size);
/* Types 'u', 't' and 'b'. */
int host_bus_number(struct host_bus *bus, const char *path, const char *interface, const char *property,
		    uint64_t *value);

#endif
