/* SPDX-License-Identifier: MIT */
/* Wireless interfaces and the stations they talk to. Slow: some drivers ask their firmware. */
#include <linux/nl80211.h>
#include <stdio.h>

#include "host_wifi.h"

static const struct host_family frequency_family =
	HOST_GAUGE("node_wifi_interface_frequency_hertz",
		   "The current frequency a WiFi interface is operating at, in hertz.", "device");
static const struct host_family info_family = HOST_GAUGE(
	"node_wifi_station_info", "Labeled WiFi interface station information as provided by the operating system.",
	"device", "bssid", "ssid", "mode");

#define STATION(id, type, name, help)                                                                                  \
	static const struct host_family id##_family =                                                                  \
		HOST_##type("node_wifi_station_" name, help, "device", "mac_address")
STATION(connected, COUNTER, "connected_seconds_total",
	"The total number of seconds a station has been connected to an access point.");
STATION(inactive, GAUGE, "inactive_seconds",
	"The number of seconds since any wireless activity has occurred on a station.");
STATION(receive_rate, GAUGE, "receive_bits_per_second",
	"The current WiFi receive bitrate of a station, in bits per second.");
STATION(transmit_rate, GAUGE, "transmit_bits_per_second",
	"The current WiFi transmit bitrate of a station, in bits per second.");
STATION(received_bytes, COUNTER, "receive_bytes_total", "The total number of bytes received by a WiFi station.");
STATION(transmitted_bytes, COUNTER, "transmit_bytes_total", "The total number of bytes transmitted by a WiFi station.");
STATION(received_packets, COUNTER, "received_packets_total", "The total number of packets received by a station.");
STATION(transmitted_packets, COUNTER, "transmitted_packets_total",
	"The total number of packets transmitted by a station.");
STATION(signal, GAUGE, "signal_dbm", "The current WiFi signal strength, in decibel-milliwatts (dBm).");
STATION(retries, COUNTER, "transmit_retries_total",
	"The total number of times a station has had to retry while sending a packet.");
STATION(failed, COUNTER, "transmit_failed_total", "The total number of times a station has failed to send a packet.");
STATION(beacon_loss, COUNTER, "beacon_loss_total", "The total number of times a station has detected a beacon loss.");

static const char *status_mode(int64_t status)
{
	switch (status) {
	case NL80211_BSS_STATUS_AUTHENTICATED:
	case NL80211_BSS_STATUS_ASSOCIATED:
		return "client";
	case NL80211_BSS_STATUS_IBSS_JOINED:
		return "ad-hoc";
	default:
		return "unknown";
	}
}

static void network_sample(struct host *host, const struct wifi_interface *interface,
			   const struct wifi_network *network)
{
	host_u64(host, &info_family, 1, interface->name, network->bssid, network->ssid, status_mode(network->status));
}

static void station_sample(struct host *host, const struct wifi_interface *interface,
			   const struct wifi_station *station)
{
	const char *device = interface->name, *mac = station->mac;
	host_f64(host, &connected_family, station->connected_seconds, device, mac);
	host_f64(host, &inactive_family, station->inactive_seconds, device, mac);
	host_u64(host, &receive_rate_family, station->receive_bits_per_second, device, mac);
	host_u64(host, &transmit_rate_family, station->transmit_bits_per_second, device, mac);
	host_u64(host, &received_bytes_family, station->received_bytes, device, mac);
	host_u64(host, &transmitted_bytes_family, station->transmitted_bytes, device, mac);
	host_u64(host, &received_packets_family, station->received_packets, device, mac);
	host_u64(host, &transmitted_packets_family, station->transmitted_packets, device, mac);
	host_i64(host, &signal_family, station->signal_dbm, device, mac);
	host_u64(host, &retries_family, station->transmit_retries, device, mac);
	host_u64(host, &failed_family, station->transmit_failed, device, mac);
	host_u64(host, &beacon_loss_family, station->beacon_loss, device, mac);
}

void wifi_mac_format(const unsigned char *bytes, char *text)
{
	snprintf(text, WIFI_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2], bytes[3], bytes[4],
		 bytes[5]);
}

static int wifi_collect(struct host *host)
{
	const struct wifi_source *source = *host->options->wifi_fixtures ? &wifi_fixtures : &wifi_nl80211;
	struct wifi_interface interfaces[WIFI_INTERFACES_MAX];
	size_t count = 0;
	int result = source->interfaces(host, interfaces, &count);
	for (size_t i = 0; i < count; i++) {
		const struct wifi_interface *interface = &interfaces[i];
		host_f64(host, &frequency_family, interface->frequency_mhz * 1e6, interface->name);
		int r = source->network(host, interface, network_sample);
		if (!r || r == -ENODATA)
			r = source->stations(host, interface, station_sample);
		if (r && r != -ENODATA)
			result = r; /* the other interfaces are told all the same */
	}
	return result;
}

const struct host_ops host_wifi = {.collect = wifi_collect};
