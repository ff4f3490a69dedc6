/* SPDX-License-Identifier: MIT */
/* Wireless interfaces as the kernel tells them: generic netlink, family nl80211. */
#include <linux/genetlink.h>
#include <linux/nl80211.h>
#include <string.h>

#include "host_netlink.h"
#include "host_wifi.h"

#define ELEMENT_SSID 0

/* ---- attributes ------------------------------------------------------------------------------------------------- */

static void nest_attributes(const struct rtattr *nest, const struct rtattr **table, size_t count)
{
	memset(table, 0, count * sizeof(table[0]));
	if (!nest)
		return;
	size_t len = RTA_PAYLOAD(nest);
	for (const struct rtattr *at = RTA_DATA(nest); RTA_OK(at, len); at = RTA_NEXT(at, len))
		if ((size_t)(at->rta_type & NLA_TYPE_MASK) < count)
			table[at->rta_type & NLA_TYPE_MASK] = at;
}

/* An unsigned number of 1, 2, 4 or 8 bytes; 0 if there is none. */
static uint64_t attribute_u64(const struct rtattr *attribute)
{
	union {
		uint8_t u8;
		uint16_t u16;
		uint32_t u32;
		uint64_t u64;
	} number;
	size_t len = attribute ? RTA_PAYLOAD(attribute) : 0;
	if (len > sizeof(number))
		return 0;
	if (len)
		memcpy(&number, RTA_DATA(attribute), len);
	return len == 8 ? number.u64 : len == 4 ? number.u32 : len == 2 ? number.u16 : len == 1 ? number.u8 : 0;
}

static bool attribute_mac(const struct rtattr *attribute, char *text)
{
	if (!attribute || RTA_PAYLOAD(attribute) < 6)
		return false;
	wifi_mac_format(RTA_DATA(attribute), text);
	return true;
}

static bool message_attributes(const struct nlmsghdr *message, const struct rtattr **table, size_t count)
{
	if (message->nlmsg_len < NLMSG_LENGTH(GENL_HDRLEN))
		return false;
	host_netlink_attributes(message, GENL_HDRLEN, table, count);
	return true;
}

/* ---- requests --------------------------------------------------------------------------------------------------- */

static int dump(struct host *host, uint16_t family, uint8_t command, unsigned interface_index,
		host_netlink_message *each, void *context)
{
	struct {
		struct genlmsghdr header;
		struct rtattr attribute;
		uint32_t index;
	} request = {.header = {.cmd = command},
		     .attribute = {.rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = NL80211_ATTR_IFINDEX},
		     .index = interface_index};
	size_t len = interface_index ? sizeof(request) : sizeof(request.header);
	return host_netlink_dump(host, NETLINK_GENERIC, family, &request, len, each, context);
}

static void family_find(struct host *host, const struct nlmsghdr *message, void *context)
{
	const struct rtattr *attributes[CTRL_ATTR_FAMILY_NAME + 1];
	(void)host;
	if (!message_attributes(message, attributes, HOST_COUNT_OF(attributes)))
		return;
	const struct rtattr *name = attributes[CTRL_ATTR_FAMILY_NAME];
	if (name && RTA_PAYLOAD(name) == sizeof(NL80211_GENL_NAME) &&
	    !memcmp(RTA_DATA(name), NL80211_GENL_NAME, sizeof(NL80211_GENL_NAME)))
		*(uint16_t *)context = (uint16_t)attribute_u64(attributes[CTRL_ATTR_FAMILY_ID]);
}

/* The kernel numbers its families anew when a module is loaded: asked each time. */
static int nl80211_dump(struct host *host, uint8_t command, unsigned interface_index, host_netlink_message *each,
			void *context)
{
	uint16_t family = 0;
	int r = dump(host, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0, family_find, &family);
	if (r)
		return r;
	return family ? dump(host, family, command, interface_index, each, context) : -ENODATA;
}

/* ---- interfaces ------------------------------------------------------------------------------------------------- */

struct interfaces {
	struct wifi_interface *interfaces;
	size_t count;
};

/* Some virtual ones have no name. */
static void interface_add(struct host *host, const struct nlmsghdr *message, void *context)
{
	const struct rtattr *attributes[NL80211_ATTR_WIPHY_FREQ + 1];
	struct interfaces *list = context;
	if (!message_attributes(message, attributes, HOST_COUNT_OF(attributes)))
		return;
	const struct rtattr *name = attributes[NL80211_ATTR_IFNAME];
	if (!name || !attributes[NL80211_ATTR_IFINDEX])
		return;
	if (list->count == WIFI_INTERFACES_MAX) {
		host_skip(host);
		return;
	}
	struct wifi_interface *interface = &list->interfaces[list->count++];
	*interface = (struct wifi_interface){
		.index = (unsigned)attribute_u64(attributes[NL80211_ATTR_IFINDEX]),
		.frequency_mhz = (uint32_t)attribute_u64(attributes[NL80211_ATTR_WIPHY_FREQ]),
	};
	memcpy(interface->name, RTA_DATA(name), RTA_PAYLOAD(name) < IF_NAMESIZE ? RTA_PAYLOAD(name) : IF_NAMESIZE - 1);
}

static int interfaces_get(struct host *host, struct wifi_interface *interfaces, size_t *count)
{
	struct interfaces list = {interfaces, 0};
	int r = nl80211_dump(host, NL80211_CMD_GET_INTERFACE, 0, interface_add, &list);
	if (!r)
		*count = list.count;
	return r;
}

/* ---- networks --------------------------------------------------------------------------------------------------- */

struct telling {
	const struct wifi_interface *interface;
	wifi_network_told *network;
	wifi_station_told *station;
};

/* Information elements: a byte of type, a byte of length, the contents. */
static void ssid_find(const struct rtattr *elements, char *ssid)
{
	const unsigned char *at = RTA_DATA(elements);
	size_t left = RTA_PAYLOAD(elements);
	while (left >= 2 && left - 2 >= at[1]) {
		if (at[0] == ELEMENT_SSID && at[1] <= WIFI_SSID_BYTES) {
			memcpy(ssid, at + 2, at[1]);
			ssid[at[1]] = '\0';
			return;
		}
		left -= 2u + at[1];
		at += 2u + at[1];
	}
}

/* Of all the networks in reach, the one the interface belongs to has a status. */
static void network_read(struct host *host, const struct nlmsghdr *message, void *context)
{
	const struct rtattr *attributes[NL80211_ATTR_BSS + 1], *bss[NL80211_BSS_STATUS + 1];
	const struct telling *telling = context;
	struct wifi_network network = {.status = -1};
	if (!message_attributes(message, attributes, HOST_COUNT_OF(attributes)))
		return;
	nest_attributes(attributes[NL80211_ATTR_BSS], bss, HOST_COUNT_OF(bss));
	if (!bss[NL80211_BSS_STATUS] || !attribute_mac(bss[NL80211_BSS_BSSID], network.bssid))
		return;
	network.status = (int64_t)attribute_u64(bss[NL80211_BSS_STATUS]);
	if (bss[NL80211_BSS_INFORMATION_ELEMENTS])
		ssid_find(bss[NL80211_BSS_INFORMATION_ELEMENTS], network.ssid);
	telling->network(host, telling->interface, &network);
}

static int network_get(struct host *host, const struct wifi_interface *interface, wifi_network_told *told)
{
	struct telling telling = {.interface = interface, .network = told};
	return nl80211_dump(host, NL80211_CMD_GET_SCAN, interface->index, network_read, &telling);
}

/* ---- stations --------------------------------------------------------------------------------------------------- */

static uint64_t rate_read(const struct rtattr *nest)
{
	const struct rtattr *rate[NL80211_RATE_INFO_BITRATE32 + 1];
	nest_attributes(nest, rate, HOST_COUNT_OF(rate));
	const struct rtattr *wide = rate[NL80211_RATE_INFO_BITRATE32];
	return 100000 * attribute_u64(wide ? wide : rate[NL80211_RATE_INFO_BITRATE]);
}

static uint64_t wider(const struct rtattr *wide, const struct rtattr *narrow)
{
	return attribute_u64(wide ? wide : narrow);
}

static void station_read(struct host *host, const struct nlmsghdr *message, void *context)
{
	const struct rtattr *attributes[NL80211_ATTR_STA_INFO + 1], *info[NL80211_STA_INFO_TX_BYTES64 + 1];
	const struct telling *telling = context;
	struct wifi_station station = {.mac = ""};
	if (!message_attributes(message, attributes, HOST_COUNT_OF(attributes)))
		return;
	nest_attributes(attributes[NL80211_ATTR_STA_INFO], info, HOST_COUNT_OF(info));
	if (!attribute_mac(attributes[NL80211_ATTR_MAC], station.mac))
		return;
	station.connected_seconds = (double)attribute_u64(info[NL80211_STA_INFO_CONNECTED_TIME]);
	station.inactive_seconds = (double)attribute_u64(info[NL80211_STA_INFO_INACTIVE_TIME]) / 1000;
	station.receive_bits_per_second = rate_read(info[NL80211_STA_INFO_RX_BITRATE]);
	station.transmit_bits_per_second = rate_read(info[NL80211_STA_INFO_TX_BITRATE]);
	station.signal_dbm = (int8_t)attribute_u64(info[NL80211_STA_INFO_SIGNAL]);
	station.transmit_retries = attribute_u64(info[NL80211_STA_INFO_TX_RETRIES]);
	station.transmit_failed = attribute_u64(info[NL80211_STA_INFO_TX_FAILED]);
	station.beacon_loss = attribute_u64(info[NL80211_STA_INFO_BEACON_LOSS]);
	station.received_bytes = wider(info[NL80211_STA_INFO_RX_BYTES64], info[NL80211_STA_INFO_RX_BYTES]);
	station.transmitted_bytes = wider(info[NL80211_STA_INFO_TX_BYTES64], info[NL80211_STA_INFO_TX_BYTES]);
	station.received_packets = attribute_u64(info[NL80211_STA_INFO_RX_PACKETS]);
	station.transmitted_packets = attribute_u64(info[NL80211_STA_INFO_TX_PACKETS]);
	telling->station(host, telling->interface, &station);
}

static int stations_get(struct host *host, const struct wifi_interface *interface, wifi_station_told *told)
{
	struct telling telling = {.interface = interface, .station = told};
	return nl80211_dump(host, NL80211_CMD_GET_STATION, interface->index, station_read, &telling);
}

const struct wifi_source wifi_nl80211 = {interfaces_get, network_get, stations_get};
