/* SPDX-License-Identifier: MIT */
/* IP Virtual Server: /proc/net/ip_vs and ip_vs_stats. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
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
/* Labels of backends; --collector.ipvs.backend-labels chooses among them. */
static const char *const label_names[] = {"local_address", "local_port", "remote_address",
					  "remote_port",   "proto",      "local_mark"};
#define LABELS HOST_COUNT_OF(label_names)
/* By column of a backend's line. */
static const struct host_family backend_families[] = {
	HOST_GAUGE("node_ipvs_backend_weight", "The current backend weight by local and remote address."),
	HOST_GAUGE("node_ipvs_backend_connections_active",
		   "The current active connections by local and remote address."),
	HOST_GAUGE("node_ipvs_backend_connections_inactive",
		   "The current inactive connections by local and remote address."),
};
#define VALUES HOST_COUNT_OF(backend_families)

struct endpoint {
	char address[INET6_ADDRSTRLEN];
	char port[8];
};

/* Of labels that were not chosen the value is "": backends that differ in those only are one series. */
struct backend {
	char labels[LABELS][INET6_ADDRSTRLEN];
	uint64_t values[VALUES];
};

struct ipvs {
	struct host_family families[VALUES]; /* with the labels that were chosen */
	bool chosen[LABELS];
	struct backend *backends;
	size_t count, capacity;
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

static struct backend *backend_add(struct ipvs *ipvs)
{
	if (ipvs->count == ipvs->capacity) {
		size_t capacity = ipvs->capacity ? 2 * ipvs->capacity : 64;
		struct backend *grown = reallocarray(ipvs->backends, capacity, sizeof(*grown));
		if (!grown)
			return NULL;
		ipvs->backends = grown;
		ipvs->capacity = capacity;
	}
	struct backend *backend = &ipvs->backends[ipvs->count++];
	memset(backend, 0, sizeof(*backend));
	return backend;
}

/* "C0A85216:0CEA      Tunnel  100    248        2" behind the arrow */
static void backend_read(struct host *host, struct text *line, const struct service *service)
{
	struct ipvs *ipvs = host->state;
	struct endpoint remote;
	uint64_t values[VALUES];
	char *word = text_word(line);
	bool good = word && endpoint_parse(word, &remote) && text_skip_words(line, 1);
	for (size_t i = 0; good && i < VALUES; i++)
		good = text_u64(line, &values[i]);
	struct backend *backend = good ? backend_add(ipvs) : NULL;
	if (!backend) {
		host_skip(host);
		return;
	}
	const char *const labels[LABELS] = {service->local.address, service->local.port, remote.address, remote.port,
					    service->proto,         service->mark};
	memcpy(backend->values, values, sizeof(values));
	for (size_t i = 0; i < LABELS; i++)
		if (ipvs->chosen[i])
			host_format(backend->labels[i], "%s", labels[i]);
}

static int backend_order(const void *a, const void *b)
{
	return memcmp(((const struct backend *)a)->labels, ((const struct backend *)b)->labels,
		      sizeof(((const struct backend *)a)->labels));
}

/* Sums of backends with the same labels. */
static void backends_sample(struct host *host, struct ipvs *ipvs)
{
	struct backend *backends = ipvs->backends;
	const char *values[LABELS + 1];
	if (ipvs->count)
		qsort(backends, ipvs->count, sizeof(backends[0]), backend_order);
	for (size_t i = 0; i < ipvs->count; i++) {
		if (i + 1 < ipvs->count && !backend_order(&backends[i], &backends[i + 1])) {
			for (size_t j = 0; j < VALUES; j++)
				backends[i + 1].values[j] += backends[i].values[j];
			continue;
		}
		for (size_t j = 0, used = 0; j < LABELS; j++)
			if (ipvs->chosen[j])
				values[used++] = backends[i].labels[j];
		for (size_t j = 0; j < VALUES; j++)
			host_sample(host, &ipvs->families[j], values,
				    (struct number){.type = NUMBER_U64, .u64 = backends[i].values[j]});
	}
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
	struct ipvs *ipvs = host->state;
	int r = totals_sample(host);
	if (!r)
		r = host_read(host, HOST_PROC, "net/ip_vs", &text);
	if (r)
		return r == -ENOENT ? -ENODATA : r;
	ipvs->count = 0;
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
			backend_read(host, &line, &service);
		}
	}
	backends_sample(host, ipvs);
	return 0;
}

/* Whether `list`, separated by commas, holds the name. */
static bool list_has(const char *list, const char *name)
{
	size_t len = strlen(name);
	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, name, len) && (!at[len] || at[len] == ','))
			return true;
	}
	return false;
}

static int ipvs_open(struct host *host)
{
	struct ipvs *ipvs = calloc(1, sizeof(*ipvs));
	if (!ipvs)
		return -ENOMEM;
	memcpy(ipvs->families, backend_families, sizeof(ipvs->families));
	for (size_t i = 0, used = 0; i < LABELS; i++) {
		ipvs->chosen[i] = list_has(host->options->ipvs_backend_labels, label_names[i]);
		for (size_t j = 0; ipvs->chosen[i] && j < VALUES; j++)
			ipvs->families[j].labels[used] = label_names[i];
		used += ipvs->chosen[i];
	}
	host->state = ipvs;
	return 0;
}

static void ipvs_close(struct host *host)
{
	struct ipvs *ipvs = host->state;
	free(ipvs->backends);
	free(ipvs);
}

const struct host_ops host_ipvs = {.collect = ipvs_collect, .open = ipvs_open, .close = ipvs_close};
