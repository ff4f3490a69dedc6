/* SPDX-License-Identifier: MIT */
/* Counters of the network protocols: /proc/net/netstat, snmp and snmp6. */
#include <string.h>

#include "host.h"

/* The field's value if it is one of those that are told; else it is left for the caller to skip. */
static bool field_take(struct host *host, const char *protocol, const char *field, struct text *values)
{
	char name[160] = "node_netstat_";
	char *key = name + strlen("node_netstat_");
	double value;
	if (strlen(protocol) + strlen(field) + 2 > sizeof(name) - strlen("node_netstat_"))
		return false;
	stpcpy(stpcpy(stpcpy(key, protocol), "_"), field);
	if (!host_pattern_match(host->state, key) || !text_f64(values, &value))
		return false;
	const struct host_family family = {.name = name, .help = "Statistic %s%s.", .help_words = {protocol, field}};
	host_f64(host, &family, value);
	return true;
}

/* Pairs of lines: "Tcp: names", "Tcp: values". */
static void pairs_sample(struct host *host, struct text *text)
{
	struct text names, values;
	while (text_line(text, &names)) {
		const char *protocol = text_until(&names, ':'), *field;
		const char *other = text_line(text, &values) ? text_until(&values, ':') : NULL;
		if (!protocol || !other || strcmp(protocol, other) != 0) {
			host_skip(host);
			return;
		}
		while ((field = text_word(&names)))
			if (!field_take(host, protocol, field, &values) && !text_skip_words(&values, 1)) {
				host_skip(host); /* fewer values than names */
				break;
			}
	}
}

/* "Ip6InReceives   7": the protocol ends with the "6". */
static void snmp6_sample(struct host *host, struct text *text)
{
	struct text line;
	while (text_line(text, &line)) {
		char protocol[64];
		const char *field = text_word(&line), *six = field ? strchr(field, '6') : NULL;
		if (!six)
			continue;
		size_t len = (size_t)(six - field) + 1;
		if (len >= sizeof(protocol) || !six[1]) {
			host_skip(host);
			continue;
		}
		memcpy(protocol, field, len);
		protocol[len] = '\0';
		field_take(host, protocol, six + 1, &line);
	}
}

static int netstat_open(struct host *host)
{
	struct host_pattern **fields = (struct host_pattern **)&host->state;
	char why[256];
	return host_pattern_new(host->options->netstat_fields, fields, why, sizeof(why));
}

static void netstat_close(struct host *host)
{
	host_pattern_free(host->state);
}

static int netstat_collect(struct host *host)
{
	struct text text;
	int r = host_read(host, HOST_PROC, "net/netstat", &text);
	if (r)
		return r;
	pairs_sample(host, &text);
	r = host_read(host, HOST_PROC, "net/snmp", &text);
	if (r)
		return r;
	pairs_sample(host, &text);
	/* Not there where IPv6 is disabled. */
	if (!host_read(host, HOST_PROC, "net/snmp6", &text))
		snmp6_sample(host, &text);
	return 0;
}

const struct host_ops host_netstat = {.collect = netstat_collect, .open = netstat_open, .close = netstat_close};
