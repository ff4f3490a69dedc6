/* SPDX-License-Identifier: MIT */
/* Questions on D-Bus. */
#include "host_bus.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SYSTEM_BUS_PATH "run/dbus/system_bus_socket"
#define ADDRESS_BYTES 512u

static int64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static uint64_t left_us(const struct host_bus *bus)
{
	const int64_t left_ns = bus->deadline_ns - monotonic_ns();
	return left_ns > 0 ? (uint64_t)left_ns / 1000 : 0;
}

/* ---- connecting ------------------------------------------------------------------------------------------------- */

/* "unix:path=..." with the bytes escaped that mean something in an address. */
static int address_make(const struct host *host, const char *path, char *address, size_t size)
{
	char full[PATH_MAX];
	int r = host_path(host, HOST_ROOTFS, path, full, sizeof(full));
	size_t len = (size_t)snprintf(address, size, "unix:path=");
	for (const char *at = full; !r && *at; at++) {
		if (len + 4 > size)
			return -ENAMETOOLONG;
		const bool plain = isalnum((unsigned char)*at) || strchr("-_/.", *at);
		len += (size_t)snprintf(address + len, size - len, plain ? "%c" : "%%%02x", (unsigned char)*at);
	}
	return r;
}

/* Until authentication, and on a bus the greeting, are over: sd_bus_call() would wait for those without a limit. */
static int ready_wait(struct host_bus *bus)
{
	for (;;) {
		int r = sd_bus_is_ready(bus->bus);
		if (r)
			return r < 0 ? r : 0;
		r = sd_bus_process(bus->bus, NULL);
		if (r < 0)
			return r;
		const uint64_t left = left_us(bus);
		if (!left)
			return -ETIMEDOUT;
		if (!r && (r = sd_bus_wait(bus->bus, left)) < 0 && r != -EINTR)
			return r;
	}
}

static int bus_start(struct host *host, const char *path, bool client, struct host_bus *bus)
{
	char address[ADDRESS_BYTES];
	int r = address_make(host, path, address, sizeof(address));
	if (r)
		return r;
	r = sd_bus_new(&bus->bus);
	if (r >= 0)
		r = sd_bus_set_address(bus->bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus->bus, client);
	if (r >= 0)
		r = sd_bus_start(bus->bus);
	if (r >= 0)
		r = ready_wait(bus);
	if (r < 0)
		host_bus_close(bus);
	return r < 0 ? r : 0;
}

int host_bus_open(struct host *host, const char *service, const char *private_path, struct host_bus *bus)
{
	*bus = (struct host_bus){.service = service, .deadline_ns = monotonic_ns() + HOST_BUS_TIMEOUT_NS};
	if (private_path && geteuid() == 0 && !bus_start(host, private_path, false, bus))
		return 0;
	return bus_start(host, SYSTEM_BUS_PATH, true, bus);
}

void host_bus_close(struct host_bus *bus)
{
	sd_bus_close(bus->bus);
	sd_bus_unref(bus->bus);
	bus->bus = NULL;
}

bool host_bus_expired(const struct host_bus *bus)
{
	return !left_us(bus);
}

/* ---- questions -------------------------------------------------------------------------------------------------- */

/* Takes the message over. */
static int message_send(struct host_bus *bus, sd_bus_message *message, sd_bus_message **reply)
{
	const uint64_t left = left_us(bus);
	int r = left ? sd_bus_call(bus->bus, message, left, NULL, reply) : -ETIMEDOUT;
	sd_bus_message_unref(message);
	if (r == -EHOSTUNREACH)
		return -ENODATA; /* nobody on this bus has that name */
	return r < 0 ? r : 0;
}

int host_bus_call(struct host_bus *bus, const char *path, const char *interface, const char *method,
		  sd_bus_message **reply)
{
	sd_bus_message *message;
	int r = sd_bus_message_new_method_call(bus->bus, &message, bus->service, path, interface, method);
	return r < 0 ? r : message_send(bus, message, reply);
}

static int property_get(struct host_bus *bus, const char *path, const char *interface, const char *property,
			sd_bus_message **reply)
{
	sd_bus_message *message;
	int r = sd_bus_message_new_method_call(bus->bus, &message, bus->service, path,
					       "org.freedesktop.DBus.Properties", "Get");
	if (r < 0)
		return r;
	r = sd_bus_message_append(message, "ss", interface, property);
	if (r >= 0)
		return message_send(bus, message, reply);
	sd_bus_message_unref(message);
	return r;
}

int host_bus_string(struct host_bus *bus, const char *path, const char *interface, const char *property, char *string,
		    size_t size)
{
	sd_bus_message *reply;
	const char *value;
	int r = property_get(bus, path, interface, property, &reply);
	if (r < 0)
		return r;
	r = sd_bus_message_read(reply, "v", "s", &value);
	if (r > 0)
		snprintf(string, size, "%s", value);
	sd_bus_message_unref(reply);
	return r > 0 ? 0 : -EBADMSG;
}

/* The number in a variant whose type is one of those that are numbers here. */
static int number_read(sd_bus_message *reply, uint64_t *value)
{
	const char *contents;
	uint32_t narrow;
	int truth, r = -EBADMSG;
	char type;
	if (sd_bus_message_peek_type(reply, &type, &contents) <= 0 || type != 'v')
		return -EBADMSG;
	if (!strcmp(contents, "t")) {
		r = sd_bus_message_read(reply, "v", "t", value);
	} else if (!strcmp(contents, "u")) {
		r = sd_bus_message_read(reply, "v", "u", &narrow);
		*value = r > 0 ? narrow : 0;
	} else if (!strcmp(contents, "b")) {
		r = sd_bus_message_read(reply, "v", "b", &truth);
		*value = r > 0 ? truth != 0 : 0;
	}
	return r > 0 ? 0 : -EBADMSG;
}

int host_bus_number(struct host_bus *bus, const char *path, const char *interface, const char *property,
		    uint64_t *value)
{
	sd_bus_message *reply;
	uint64_t number;
	int r = property_get(bus, path, interface, property, &reply);
	if (r < 0)
		return r;
	r = number_read(reply, &number);
	if (!r)
		*value = number;
	sd_bus_message_unref(reply);
	return r;
}
