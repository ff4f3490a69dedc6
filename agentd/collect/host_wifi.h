/* SPDX-License-Identifier: MIT */
/* Wireless interfaces, the network each is in, and the stations it talks to: from the kernel (nl80211), or from the
 * files of a directory. */
#ifndef AGENTD_COLLECT_HOST_WIFI_H
#define AGENTD_COLLECT_HOST_WIFI_H

#include <net/if.h>

#include "host.h"

#define WIFI_INTERFACES_MAX 64
#define WIFI_SSID_BYTES 32
#define WIFI_MAC_TEXT 18

struct wifi_interface {
	unsigned index;
	char name[IF_NAMESIZE];
	uint32_t frequency_mhz;
};

struct wifi_network {
	char ssid[WIFI_SSID_BYTES + 1];
	char bssid[WIFI_MAC_TEXT];
	int64_t status; /* as the kernel numbers it; -1: none */
};

struct wifi_station {
	char mac[WIFI_MAC_TEXT];
	double connected_seconds;
	double inactive_seconds;
	uint64_t receive_bits_per_second;
	uint64_t transmit_bits_per_second;
	int64_t signal_dbm;
	uint64_t transmit_retries;
	uint64_t transmit_failed;
	uint64_t beacon_loss;
	uint64_t received_bytes;
	uint64_t transmitted_bytes;
	uint64_t received_packets;
	uint64_t transmitted_packets;
};

/* What node_wifi.c does with each; none of them may call the source. */
typedef void wifi_network_told(struct host *host, const struct wifi_interface *interface,
			       const struct wifi_network *network);
typedef void wifi_station_told(struct host *host, const struct wifi_interface *interface,
			       const struct wifi_station *station);

/* A source. Each returns 0 or -errno; -ENODATA: this machine has no such thing. */
struct wifi_source {
	/* Fills interfaces[0, WIFI_INTERFACES_MAX). */
	int (*interfaces)(struct host *host, struct wifi_interface *interfaces, size_t *count);
	int (*network)(struct host *host, const struct wifi_interface *interface, wifi_network_told *told);
	int (*stations)(struct host *host, const struct wifi_interface *interface, wifi_station_told *told);
};
extern const struct wifi_source wifi_nl80211, wifi_fixtures;

/* "aa:bb:cc:dd:ee:ff" of 6 bytes. */
void wifi_mac_format(const unsigned char *bytes, char *text);

#endif
