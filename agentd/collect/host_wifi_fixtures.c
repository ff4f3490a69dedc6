/* SPDX-License-Identifier: MIT */
/* Wireless interfaces from files: interfaces.json, and bss.json and stationinfo.json in a directory for each interface,
 * as node_exporter's --collector.wifi.fixtures has them. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "host_wifi.h"

#define MAC_BYTES 6
#define NANOSECONDS 1e9

/* 6 bytes of base64, as addresses are written there. */
static bool mac_decode(const char *text, char *mac)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned char bytes[MAC_BYTES];
	uint64_t bits = 0;
	if (!text || strlen(text) != 8)
		return false;
	for (int i = 0; i < 8; i++) {
		const char *digit = strchr(digits, text[i]);
		if (!digit)
			return false;
		bits = bits << 6 | (uint64_t)(digit - digits);
	}
	for (int i = 0; i < MAC_BYTES; i++)
		bytes[i] = (unsigned char)(bits >> (40 - 8 * i));
	wifi_mac_format(bytes, mac);
	return true;
}

static int file_load(struct host *host, const char *interface, const char *name, json_t **json)
{
	char path[HOST_PATH_MAX];
	json_error_t error;
	host_format(path, "%s/%s%s%s", host->options->wifi_fixtures, interface, *interface ? "/" : "", name);
	json_t *loaded = json_load_file(path, 0, &error);
	if (!loaded)
		return json_error_code(&error) == json_error_cannot_open_file ? -ENODATA : -EINVAL;
	*json = loaded;
	return 0;
}

static int64_t integer(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static int interfaces_get(struct host *host, struct wifi_interface *interfaces, size_t *count)
{
	json_t *list;
	size_t used = 0;
	int r = file_load(host, "", "interfaces.json", &list);
	if (r)
		return r;
	for (size_t i = 0; i < json_array_size(list) && used < WIFI_INTERFACES_MAX; i++) {
		const json_t *entry = json_array_get(list, i);
		const char *name = json_string_value(json_object_get(entry, "name"));
		if (!name)
			continue; /* a virtual one */
		host_format(interfaces[used].name, "%s", name);
		interfaces[used].index = 0;
		interfaces[used++].frequency_mhz = (uint32_t)integer(entry, "frequency");
	}
	json_decref(list);
	*count = used;
	return 0;
}

static int network_get(struct host *host, const struct wifi_interface *interface, wifi_network_told *told)
{
	struct wifi_network network;
	json_t *bss;
	int r = file_load(host, interface->name, "bss.json", &bss);
	if (r)
		return r;
	const char *ssid = json_string_value(json_object_get(bss, "ssid"));
	host_format(network.ssid, "%s", ssid ? ssid : "");
	network.status = integer(bss, "status");
	if (mac_decode(json_string_value(json_object_get(bss, "bssid")), network.bssid))
		told(host, interface, &network);
	else
		host_skip(host);
	json_decref(bss);
	return 0;
}

static int stations_get(struct host *host, const struct wifi_interface *interface, wifi_station_told *told)
{
	json_t *list;
	int r = file_load(host, interface->name, "stationinfo.json", &list);
	if (r)
		return r;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *entry = json_array_get(list, i);
		struct wifi_station station = {
			.connected_seconds = (double)integer(entry, "connected") / NANOSECONDS,
			.inactive_seconds = (double)integer(entry, "inactive") / NANOSECONDS,
			.receive_bits_per_second = (uint64_t)integer(entry, "receivebitrate"),
			.transmit_bits_per_second = (uint64_t)integer(entry, "transmitbitrate"),
			.signal_dbm = integer(entry, "signal"),
			.transmit_retries = (uint64_t)integer(entry, "transmitretries"),
			.transmit_failed = (uint64_t)integer(entry, "transmitfailed"),
			.beacon_loss = (uint64_t)integer(entry, "beaconloss"),
			.received_bytes = (uint64_t)integer(entry, "receivedbytes"),
			.transmitted_bytes = (uint64_t)integer(entry, "transmittedbytes"),
			.received_packets = (uint64_t)integer(entry, "receivedpackets"),
			.transmitted_packets = (uint64_t)integer(entry, "transmittedpackets"),
		};
		if (mac_decode(json_string_value(json_object_get(entry, "hardwareaddr")), station.mac))
			told(host, interface, &station);
		else
			host_skip(host);
	}
	json_decref(list);
	return 0;
}

const struct wifi_source wifi_fixtures = {interfaces_get, network_get, stations_get};
