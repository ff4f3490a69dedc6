/* SPDX-License-Identifier: MIT */
/* Properties of network devices: rtnetlink for most of them, /sys/class/net for the rest, and for all where sysfs is
 * not this host's own (--path.sysfs). For four devices that is 6 files instead of 88. Slow: drivers ask the hardware
 * for speed and duplex, under the lock that a stuck device may hold. */
#include <linux/if_link.h>
#include <linux/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_hash.h"
#include "host_netlink.h"
#include "host_numbers.h"

#define NETCLASS_PATH "class/net"
#define SYSFS_OF_THIS_HOST "/sys"

/* Where in a link's message a property is: an attribute (one or four bytes), or one of these. */
enum source { SOURCE_FILE = 0, SOURCE_INDEX = -1, SOURCE_TYPE = -2, SOURCE_CARRIER = -3, SOURCE_DORMANT = -4 };

struct property {
	int source;
	struct host_number number;
};
#define PROPERTY(name) HOST_GAUGE("node_network_" name, "Network device property: " name, "device")
#define CHANGES(name) HOST_COUNTER("node_network_" name, "Network device property: " name, "device")
static const struct property properties[] = {
	{SOURCE_FILE, {"addr_assign_type", PROPERTY("address_assign_type"), 0}},
	{SOURCE_CARRIER, {"carrier", PROPERTY("carrier"), 0}},
	{IFLA_CARRIER_CHANGES, {"carrier_changes", CHANGES("carrier_changes_total"), 0}},
	{IFLA_CARRIER_UP_COUNT, {"carrier_up_count", CHANGES("carrier_up_changes_total"), 0}},
	{IFLA_CARRIER_DOWN_COUNT, {"carrier_down_count", CHANGES("carrier_down_changes_total"), 0}},
	{SOURCE_FILE, {"dev_id", PROPERTY("device_id"), 0}},
	{SOURCE_DORMANT, {"dormant", PROPERTY("dormant"), 0}},
	/* A message has the flags as users set them, the file as they are. */
	{SOURCE_FILE, {"flags", PROPERTY("flags"), 0}},
	{SOURCE_INDEX, {"ifindex", PROPERTY("iface_id"), 0}},
	{IFLA_LINK, {"iflink", PROPERTY("iface_link"), 0}},
	{IFLA_LINKMODE, {"link_mode", PROPERTY("iface_link_mode"), 0}},
	{IFLA_MTU, {"mtu", PROPERTY("mtu_bytes"), 0}},
	{SOURCE_FILE, {"name_assign_type", PROPERTY("name_assign_type"), 0}},
	{IFLA_GROUP, {"netdev_group", PROPERTY("net_dev_group"), 0}},
	{IFLA_TXQLEN, {"tx_queue_len", PROPERTY("transmit_queue_length"), 0}},
	{SOURCE_TYPE, {"type", PROPERTY("protocol_type"), 0}},
};
static const struct host_family speed_family = PROPERTY("speed_bytes");
static const struct host_family up_family =
	HOST_GAUGE("node_network_up", "Value is 1 if operstate is 'up', 0 otherwise.", "device");
static const struct host_family info_family =
	HOST_GAUGE("node_network_info", "Non-numeric data from /sys/class/net/<iface>, value is always 1.", "device",
		   "address", "broadcast", "duplex", "operstate", "ifalias");

/* By the kernel's IF_OPER_ numbers. */
static const char *const operstates[] = {"unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"};

/* What only files tell of a device, as they were read. */
#define FILES_EVERY 16u
#define FILES_NUMBERS 4
struct device_files {
	int index;
	uint64_t key; /* of what the message said then */
	uint32_t collection;
	uint32_t known; /* bits, by the order of the properties; the speed's is behind them */
	struct number numbers[FILES_NUMBERS];
	struct number speed;
	char duplex[16];
};
#define SPEED_KNOWN (UINT32_C(1) << FILES_NUMBERS)

struct device_list {
	struct device_files *devices;
	size_t count;
	size_t capacity;
};

struct netclass_state {
	struct host_filter filter;
	uint32_t collection;
	struct device_list last; /* in the kernel's order */
	size_t last_next;        /* where the next device is likely to be */
	struct device_list now;
};

/* ---- a link's message ------------------------------------------------------------------------------------------- */

struct link {
	struct ifinfomsg info;
	const struct rtattr *attributes[IFLA_CARRIER_DOWN_COUNT + 1];
};

static bool attribute_number(const struct rtattr *attribute, uint64_t *value)
{
	uint32_t wide;
	if (attribute && RTA_PAYLOAD(attribute) == sizeof(uint8_t)) {
		*value = *(const uint8_t *)RTA_DATA(attribute);
		return true;
	}
	if (!attribute || RTA_PAYLOAD(attribute) != sizeof(wide))
		return false;
	memcpy(&wide, RTA_DATA(attribute), sizeof(wide));
	*value = wide;
	return true;
}

/* A device that is down has no carrier and no dormancy: reads of those files fail then. */
static bool link_lacks(const struct link *link, int source)
{
	return !(link->info.ifi_flags & IFF_UP) && (source == SOURCE_CARRIER || source == SOURCE_DORMANT);
}

/* False where the file has to be read. */
static bool link_number(const struct link *link, int source, uint64_t *value)
{
	switch (source) {
	case SOURCE_FILE:
		return false;
	case SOURCE_INDEX:
		*value = (uint32_t)link->info.ifi_index;
		return true;
	case SOURCE_TYPE:
		*value = link->info.ifi_type;
		return true;
	case SOURCE_DORMANT:
		*value = !!(link->info.ifi_flags & IFF_DORMANT);
		return true;
	case SOURCE_CARRIER:
		return attribute_number(link->attributes[IFLA_CARRIER], value);
	case IFLA_LINK:
		if (attribute_number(link->attributes[IFLA_LINK], value))
			return true;
		*value = (uint32_t)link->info.ifi_index; /* no other device beneath it */
		return true;
	default:
		return attribute_number(link->attributes[source], value);
	}
}

/* A hardware address as sysfs writes it; false if it is not there or too long. */
static bool link_address(const struct link *link, int source, char *string, size_t size)
{
	const struct rtattr *attribute = link->attributes[source];
	size_t len = attribute ? RTA_PAYLOAD(attribute) : 0;
	if (!len || 3 * len > size)
		return false;
	for (size_t i = 0; i < len; i++)
		snprintf(string + 3 * i, size - 3 * i, i + 1 < len ? "%02x:" : "%02x",
			 ((const uint8_t *)RTA_DATA(attribute))[i]);
	return true;
}

static bool link_operstate(const struct link *link, char *string, size_t size)
{
	uint64_t state;
	if (!attribute_number(link->attributes[IFLA_OPERSTATE], &state) || state >= HOST_COUNT_OF(operstates))
		return false;
	snprintf(string, size, "%s", operstates[state]);
	return true;
}

/* The alias has an attribute only where it is set. */
static void link_alias(const struct link *link, char *string, size_t size)
{
	const struct rtattr *attribute = link->attributes[IFLA_IFALIAS];
	snprintf(string, size, "%.*s", attribute ? (int)RTA_PAYLOAD(attribute) : 0,
		 attribute ? (const char *)RTA_DATA(attribute) : "");
}

/* A change of any of these may be one of what the files tell. */
static uint64_t link_key(const struct link *link)
{
	static const int sources[] = {IFLA_OPERSTATE, IFLA_CARRIER_CHANGES, IFLA_PROMISCUITY, IFLA_MASTER};
	uint64_t key = host_hash_mix(link->info.ifi_type, link->info.ifi_flags), value;
	for (size_t i = 0; i < HOST_COUNT_OF(sources); i++)
		key = host_hash_mix(key, attribute_number(link->attributes[sources[i]], &value) ? value + 1 : 0);
	return key;
}

/* ---- what files tell -------------------------------------------------------------------------------------------- */

/* Empty where the device has none. */
static void file_read(struct host *host, const char *device, const char *file, char *value, size_t size)
{
	char path[HOST_PATH_MAX];
	if (host_read_string(host, HOST_SYS, host_format(path, NETCLASS_PATH "/%s/%s", device, file), value, size))
		*value = '\0';
}

static bool file_number(struct host *host, const char *device, const char *file, struct number *number)
{
	char path[HOST_PATH_MAX];
	return !host_number_read(host, HOST_SYS, host_format(path, NETCLASS_PATH "/%s/%s", device, file), number);
}

static void files_read(struct host *host, const char *device, struct device_files *files)
{
	size_t count = 0;
	files->known = 0;
	for (size_t i = 0; i < HOST_COUNT_OF(properties) && count < FILES_NUMBERS; i++) {
		if (properties[i].source != SOURCE_FILE)
			continue;
		if (file_number(host, device, properties[i].number.file, &files->numbers[count]))
			files->known |= UINT32_C(1) << count;
		count++;
	}
	if (file_number(host, device, "speed", &files->speed))
		files->known |= SPEED_KNOWN;
	file_read(host, device, "duplex", files->duplex, sizeof(files->duplex));
}

/* What was read of a device in the last collection. The kernel tells devices in the same order each time; one that is
 * not found where others came or went is read anew. */
static const struct device_files *files_find(struct netclass_state *state, int index)
{
	for (size_t i = 0; i < 8 && state->last_next + i < state->last.count; i++) {
		const struct device_files *files = &state->last.devices[state->last_next + i];
		if (files->index != index)
			continue;
		state->last_next += i + 1;
		return files;
	}
	return NULL;
}

/* What the files tell of a link now, or told not long ago; NULL when out of memory. */
static const struct device_files *files_of(struct host *host, const char *device, const struct link *link)
{
	struct netclass_state *state = host->state;
	struct device_list *now = &state->now;
	const uint64_t key = link_key(link);
	const struct device_files *last = files_find(state, link->info.ifi_index);
	if (now->count == now->capacity) {
		size_t capacity = now->capacity ? 2 * now->capacity : 4;
		struct device_files *devices = reallocarray(now->devices, capacity, sizeof(*devices));
		if (!devices)
			return NULL;
		now->devices = devices;
		now->capacity = capacity;
	}
	struct device_files *files = &now->devices[now->count++];
	if (last && last->key == key && state->collection - last->collection < FILES_EVERY) {
		*files = *last;
		return files;
	}
	/* New ones are not all due again at once. */
	uint32_t age = last ? 0 : (uint32_t)link->info.ifi_index % FILES_EVERY;
	*files =
		(struct device_files){.index = link->info.ifi_index, .key = key, .collection = state->collection - age};
	files_read(host, device, files);
	return files;
}

/* ---- samples ---------------------------------------------------------------------------------------------------- */

/* Megabits; many devices say -1 for "unknown". */
static void speed_sample(struct host *host, const char *device, struct number number)
{
	double megabits = host_number_f64(number);
	if (megabits >= 0 || !host->options->netclass_ignore_invalid_speed)
		host_f64(host, &speed_family, megabits * 1e6 / 8, device);
}

/* `link` is NULL where there are files only. */
static void properties_sample(struct host *host, const char *device, const struct link *link,
			      const struct device_files *files)
{
	struct number number;
	uint64_t value;
	size_t file = 0;
	for (size_t i = 0; i < HOST_COUNT_OF(properties); i++) {
		const struct property *property = &properties[i];
		const struct host_family *family = &property->number.family;
		if (link && property->source == SOURCE_FILE) {
			if (files->known & UINT32_C(1) << file)
				host_sample(host, family, HOST_VALUES(device), files->numbers[file]);
			file++;
		} else if (link && link_lacks(link, property->source)) {
			continue;
		} else if (link && link_number(link, property->source, &value)) {
			host_u64(host, family, value, device);
		} else if (file_number(host, device, property->number.file, &number)) {
			host_sample(host, family, HOST_VALUES(device), number);
		}
	}
	if (files->known & SPEED_KNOWN)
		speed_sample(host, device, files->speed);
}

/* `link` is NULL where there are files only. */
static void device_sample(struct host *host, const char *device, const struct link *link,
			  const struct device_files *files)
{
	char address[128], broadcast[128], operstate[32], alias[257];
	if (!link || !link_operstate(link, operstate, sizeof(operstate)))
		file_read(host, device, "operstate", operstate, sizeof(operstate));
	if (!*operstate)
		return; /* bonding_masters, or gone by now */
	if (!link || !link_address(link, IFLA_ADDRESS, address, sizeof(address)))
		file_read(host, device, "address", address, sizeof(address));
	if (!link || !link_address(link, IFLA_BROADCAST, broadcast, sizeof(broadcast)))
		file_read(host, device, "broadcast", broadcast, sizeof(broadcast));
	if (link)
		link_alias(link, alias, sizeof(alias));
	else
		file_read(host, device, "ifalias", alias, sizeof(alias));
	host_u64(host, &up_family, !strcmp(operstate, "up"), device);
	host_u64(host, &info_family, 1, device, address, broadcast, files->duplex, operstate, alias);
	properties_sample(host, device, link, files);
}

static void link_sample(struct host *host, const struct nlmsghdr *message, void *context)
{
	struct link link;
	struct netclass_state *state = host->state;
	char device[IFNAMSIZ + 1] = "";
	(void)context;
	if (message->nlmsg_type != RTM_NEWLINK || message->nlmsg_len < NLMSG_LENGTH(sizeof(link.info)))
		return;
	memcpy(&link.info, NLMSG_DATA(message), sizeof(link.info));
	host_netlink_attributes(message, sizeof(link.info), link.attributes, HOST_COUNT_OF(link.attributes));
	const struct rtattr *name = link.attributes[IFLA_IFNAME];
	if (!name) {
		host_skip(host);
		return;
	}
	memcpy(device, RTA_DATA(name), RTA_PAYLOAD(name) < IFNAMSIZ ? RTA_PAYLOAD(name) : IFNAMSIZ);
	if (!host_filter_takes(&state->filter, device))
		return;
	const struct device_files *files = files_of(host, device, &link);
	if (files)
		device_sample(host, device, &link, files);
	else
		host_skip(host);
}

static int files_collect(struct host *host)
{
	struct netclass_state *state = host->state;
	struct device_files files = {.index = 0};
	struct host_list devices;
	int r = host_list(host, 0, HOST_SYS, NETCLASS_PATH, &devices);
	if (r)
		return r;
	for (size_t i = 0; i < devices.count; i++) {
		const char *device = devices.names[i];
		if (!host_filter_takes(&state->filter, device))
			continue;
		files.known = file_number(host, device, "speed", &files.speed) ? SPEED_KNOWN : 0;
		file_read(host, device, "duplex", files.duplex, sizeof(files.duplex));
		device_sample(host, device, NULL, &files);
	}
	return 0;
}

static int links_collect(struct host *host)
{
	/* Counters are netdev's; making them is most of the kernel's work. */
	const struct {
		struct ifinfomsg info;
		struct rtattr attribute;
		uint32_t mask;
	} request = {.info = {.ifi_family = AF_UNSPEC},
		     .attribute = {.rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = IFLA_EXT_MASK},
		     .mask = RTEXT_FILTER_SKIP_STATS};
	struct netclass_state *state = host->state;
	const struct device_list last = state->last;
	state->last = state->now;
	state->now = last;
	state->now.count = 0;
	state->last_next = 0;
	state->collection++;
	return host_netlink_dump(host, NETLINK_ROUTE, RTM_GETLINK, &request, sizeof(request), link_sample, NULL);
}

static int netclass_open(struct host *host)
{
	struct netclass_state *state = calloc(1, sizeof(*state));
	if (!state)
		return -ENOMEM;
	int r = host_filter_init(&state->filter, "", host->options->netclass_ignored_devices);
	if (r)
		free(state);
	else
		host->state = state;
	return r;
}

static void netclass_close(struct host *host)
{
	struct netclass_state *state = host->state;
	host_filter_fini(&state->filter);
	free(state->last.devices);
	free(state->now.devices);
	free(state);
}

static int netclass_collect(struct host *host)
{
	if (!strcmp(host->options->paths[HOST_SYS], SYSFS_OF_THIS_HOST) && !links_collect(host))
		return 0;
	return files_collect(host); /* also where a sandbox forbids netlink */
}

const struct host_ops host_netclass = {.collect = netclass_collect, .open = netclass_open, .close = netclass_close};
