/* SPDX-License-Identifier: MIT */
/* IP Virtual Server: /proc/net/ip_vs and ip_vs_stats. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "host.h"

/* By column of ip_vs_stats. */
static const struct host_family totals[] = {
	HOST_COUNTER("node_ipvs_connections_total", "The total number of connections made."),
	HOST_COUNTER("node_ipvs_incoming_packets_total", "The total number of incoming packets."),
	HOST_COUNTER("node_ipvs_outgoing_packets_total", "The total number of outgoing packets."),
	HOST_COUNTER("node_ipvs_incoming_bytes_total", "The total amount of incoming data."),
	HOST_COUNTER("node_ipvs_outgoing_bytes_total", "The total amount of outgoing data."),
};
#define BACKEND(name, help)                                                                                            \
	HOST_GAUGE("node_ipvs_backend_" name, help, "local_address", "local_port", "remote_address", "remote_port",    \
		   "proto", "local_mark")
/* By column of a backend's line. */
static const struct host_family backends[] = {
	BACKEND("weight", "The current backend weight by local and remote address."),
	BACKEND("connections_active", "The current active connections by local and remote address."),
	BACKEND("connections_inactive", "The current inactive connections by local and remote address."),
};

struct endpoint {
	char address[INET6_ADDRSTRLEN];
	char port[8];
};

struct service {
	char proto[8];
	char mark[16];
	struct endpoint local;
};

/* "C0A80016:0CEA" or "[2001:0db8:...]:0CEA" */
static bool endpoint_parse(char *word, struct endpoint *endpoint)
{
	unsigned char bytes[16] = {0};
	uint64_t address = 0, port;
	struct text text = {word, word + strlen(word)};
	int family = AF_INET;
	if (text_take(&text, "[")) {
		const char *literal = text_until(&text, ']');
		family = AF_INET6;
		if (!literal || inet_pton(AF_INET6, literal, bytes) != 1)
			return false;
	} else if (!text_hex(&text, &address) || address > UINT32_MAX) {
		return false;
	} else {
		const uint32_t network = htonl((uint32_t)address);
		memcpy(bytes, &network, sizeof(network));
	}
	if (!text_take(&text, ":") || !text_hex(&text, &port) || port > UINT16_MAX)
		return false;
	host_format(endpoint->port, "%u", (unsigned)port);
	return inet_ntop(family, bytes, endpoint->address, sizeof(endpoint->address));
}

/* "TCP  C0A80016:0CEA wlc" or "FWM  10001000 wlc"; false for a line that is neither. */
static bool service_parse(struct text *line, struct service *service)
{
	const char *proto = text_word(line);
	char *local = text_word(line);
	*service = (struct service){.local = {"", "0"}};
	if (!proto || !local || strlen(proto) >= sizeof(service->proto))
		return false;
	host_format(service->proto, "%s", proto);
	if (strcmp(proto, "FWM") != 0)
		return endpoint_parse(local, &service->local);
	host_format(service->mark, "%s", local);
	return true;
}

/* "C0A85216:0CEA      Tunnel  100    248        2" behind the arrow */
static void backend_sample(struct host *host, struct text *line, const struct service *service)
{
	struct endpoint remote;
	uint64_t values[HOST_COUNT_OF(backends)];
	char *word = text_word(line);
	bool good = word && endpoint_parse(word, &remote) && text_skip_words(line, 1);
	for (size_t i = 0; good && i < HOST_COUNT_OF(backends); i++)
		good = text_u64(line, &values[i]);
	if (!good) {
		host_skip(host);
		return;
	}
	for (size_t i = 0; i < HOST_COUNT_OF(backends); i++)
		host_u64(host, &backends[i], values[i], service->local.address, service->local.port, remote.address,
			 remote.port, service->proto, service->mark);
}

/* Two lines of headings, then the totals. */
static int totals_sample(struct host *host)
{
	struct text text, line;
	uint64_t value;
	int r = host_read(host, HOST_PROC, "net/ip_vs_stats", &text);
	if (r)
		return r;
	for (int i = 0; i < 3; i++) {
		if (!text_line(&text, &line)) {
			host_skip(host);
			return -EINVAL;
		}
	}
	for (size_t i = 0; i < HOST_COUNT_OF(totals) && text_hex(&line, &value); i++)
		host_u64(host, &totals[i], value);
	return 0;
}

static int ipvs_collect(struct host *host)
{
	struct text text, line;
	struct service service = {.proto = ""};
	int r = totals_sample(host);
	if (!r)
		r = host_read(host, HOST_PROC, "net/ip_vs", &text);
	if (r)
		return r == -ENOENT ? -ENODATA : r;
	for (unsigned i = 0; text_line(&text, &line); i++) {
		if (i < 3)
			continue; /* headings */
		text_blanks(&line);
		if (!text_take(&line, "->")) {
			if (!service_parse(&line, &service)) {
				host_skip(host);
				service.proto[0] = '\0';
			}
		} else if (service.proto[0]) {
			backend_sample(host, &line, &service);
		}
	}
	return 0;
}

const struct host_ops host_ipvs = {.collect = ipvs_collect};
