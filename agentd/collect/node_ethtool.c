/* SPDX-License-Identifier: MIT */
/* Statistics that drivers of network devices keep: ioctl SIOCETHTOOL. Slow: a driver may ask its firmware, under the
 * lock of all network devices. */
#include <ctype.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node_ethtool.h"

static const struct host_family info_family =
	HOST_GAUGE("node_ethtool_info",
		   "A metric with a constant '1' value labeled by bus_info, device, driver, expansion_rom_version, "
		   "firmware_version, "
		   "version.",
		   "bus_info", "device", "driver", "expansion_rom_version", "firmware_version", "version");

/* Names that node_exporter spells out; all others follow ethtool_name_make(). */
struct known {
	const char *name;
	struct host_family family;
};
#define KNOWN(name, family, help)                                                                                      \
	{                                                                                                              \
		name, HOST_UNTYPED("node_ethtool_" family, help, "device")                                             \
	}
static const struct known known[] = {
	KNOWN("rx_bytes", "received_bytes_total", "Network interface bytes received"),
	KNOWN("rx_dropped", "received_dropped_total", "Number of received frames dropped"),
	KNOWN("rx_errors", "received_errors_total", "Number of received frames with errors"),
	KNOWN("rx_packets", "received_packets_total", "Network interface packets received"),
	KNOWN("tx_bytes", "transmitted_bytes_total", "Network interface bytes sent"),
	KNOWN("tx_errors", "transmitted_errors_total", "Number of sent frames with errors"),
	KNOWN("tx_packets", "transmitted_packets_total", "Network interface packets sent"),
};

#define STATISTICS_MAX 8192u

struct ethtool_state {
	struct host_filter devices;
	struct host_filter metrics;
	int fd;
	void *buffer; /* of names, then of values */
	size_t capacity;
};

/* ---- names ------------------------------------------------------------------------------------------------------ */

/* Lower case, and each run of bytes that no name may have becomes one "_", together with the "_" around it; none in
 * front. */
static size_t name_clean(const char *statistic, char *name, size_t size)
{
	size_t len = 0;
	for (const char *at = statistic; *at && len + 1 < size;) {
		size_t underscores = strspn(at, "_");
		const char *end = at + underscores;
		while (*end && !isalnum((unsigned char)*end) && *end != '_')
			end++;
		if (end > at + underscores) {
			end += strspn(end, "_");
			if (len)
				name[len++] = '_';
		} else if (underscores) {
			/* A run of "_" alone stays as it is, but not in front. */
			for (size_t i = 0; len && i < underscores && len + 1 < size; i++)
				name[len++] = '_';
		} else {
			name[len++] = (char)tolower((unsigned char)*at);
			end = at + 1;
		}
		at = end;
	}
	name[len] = '\0';
	return len;
}

/* Whether the word stands at `at` between "_" or the ends. `taken`: up to where an earlier word's "_" reaches. */
static bool word_stands(const char *name, size_t at, const char *word, size_t taken)
{
	size_t len = strlen(word);
	if (strncmp(name + at, word, len) != 0 || (name[at + len] && name[at + len] != '_'))
		return false;
	return !at || (name[at - 1] == '_' && at - 1 >= taken);
}

/* Replaces a word everywhere, as far as two do not share a "_": "tx_tx_timeouts" has one. */
static void word_replace(const char *name, const char *word, const char *with, char *out, size_t size)
{
	size_t taken = 0, len = 0;
	for (size_t at = 0; name[at] && len + 1 < size;) {
		if (!word_stands(name, at, word, taken)) {
			out[len++] = name[at++];
			continue;
		}
		for (const char *c = with; *c && len + 1 < size; c++)
			out[len++] = *c;
		at += strlen(word);
		taken = at + 1; /* the "_" behind it belongs to it */
	}
	out[len] = '\0';
}

void ethtool_name_make(const char *statistic, char *name)
{
	char clean[ETHTOOL_NAME_MAX], received[ETHTOOL_NAME_MAX], transmitted[ETHTOOL_NAME_MAX];
	name_clean(statistic, clean, sizeof(clean) - 64);
	word_replace(clean, "rx", "received", received, sizeof(received) - 32);
	word_replace(received, "tx", "transmitted", transmitted, sizeof(transmitted) - 32);
	host_print(name, ETHTOOL_NAME_MAX, "node_ethtool_%s", transmitted);
}

/* ---- the driver ------------------------------------------------------------------------------------------------- */

static int driver_ask(const struct ethtool_state *state, const char *device, void *command)
{
	struct ifreq request = {.ifr_data = command};
	strncpy(request.ifr_name, device, sizeof(request.ifr_name) - 1);
	return ioctl(state->fd, SIOCETHTOOL, &request) ? -errno : 0;
}

static void driver_sample(struct host *host, const char *device)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	char texts[5][64] = {""};
	if (driver_ask(host->state, device, &info))
		return;
	/* Texts that fill their arrays have no NUL. */
	host_format(texts[0], "%.*s", (int)sizeof(info.bus_info), info.bus_info);
	host_format(texts[1], "%.*s", (int)sizeof(info.driver), info.driver);
	host_format(texts[2], "%.*s", (int)sizeof(info.erom_version), info.erom_version);
	host_format(texts[3], "%.*s", (int)sizeof(info.fw_version), info.fw_version);
	host_format(texts[4], "%.*s", (int)sizeof(info.version), info.version);
	host_u64(host, &info_family, 1, texts[0], device, texts[1], texts[2], texts[3], texts[4]);
}

static bool buffer_reserve(struct ethtool_state *state, size_t bytes)
{
	if (bytes <= state->capacity)
		return true;
	void *grown = realloc(state->buffer, bytes);
	if (!grown)
		return false;
	state->buffer = grown;
	state->capacity = bytes;
	return true;
}

/* How many statistics the driver has, as its set of names tells. */
static int count_ask(struct ethtool_state *state, const char *device, uint32_t *count)
{
	struct ethtool_sset_info *set;
	if (!buffer_reserve(state, sizeof(*set) + sizeof(set->data[0])))
		return -ENOMEM;
	set = state->buffer;
	*set = (struct ethtool_sset_info){.cmd = ETHTOOL_GSSET_INFO, .sset_mask = UINT64_C(1) << ETH_SS_STATS};
	set->data[0] = 0;
	int r = driver_ask(state, device, set);
	if (!r)
		*count = set->sset_mask ? set->data[0] : 0;
	return r;
}

/* Names and values of all statistics; *names ends where *values begin. */
static int statistics_ask(struct ethtool_state *state, const char *device, uint32_t count,
			  struct ethtool_gstrings **names, struct ethtool_stats **values)
{
	size_t names_bytes = sizeof(**names) + (size_t)count * ETH_GSTRING_LEN;
	names_bytes = (names_bytes + 7) / 8 * 8;
	if (!buffer_reserve(state, names_bytes + sizeof(**values) + (size_t)count * sizeof(uint64_t)))
		return -ENOMEM;
	*names = state->buffer;
	*values = (struct ethtool_stats *)((char *)state->buffer + names_bytes);
	**names = (struct ethtool_gstrings){.cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_STATS, .len = count};
	**values = (struct ethtool_stats){.cmd = ETHTOOL_GSTATS, .n_stats = count};
	int r = driver_ask(state, device, *names);
	if (!r)
		r = driver_ask(state, device, *values);
	/* A driver whose queues were changed in between has other ones by now; the kernel wrote no more than `count`.
	 */
	if (!r && ((*names)->len != count || (*values)->n_stats != count))
		r = -EAGAIN;
	return r;
}

/* ---- samples ---------------------------------------------------------------------------------------------------- */

void ethtool_statistic_sample(struct host *host, const char *device, const char *statistic, uint64_t value)
{
	char name[ETHTOOL_NAME_MAX];
	for (size_t i = 0; i < HOST_COUNT_OF(known); i++)
		if (!strcmp(known[i].name, statistic)) {
			host_u64(host, &known[i].family, value, device);
			return;
		}
	ethtool_name_make(statistic, name);
	const struct host_family family = {.name = name,
					   .help = "Network interface %s",
					   .type = METRIC_UNKNOWN,
					   .labels = {"device"},
					   .help_words = {statistic}};
	host_u64(host, &family, value, device);
}

static void device_sample(struct host *host, const char *device)
{
	struct ethtool_state *state = host->state;
	struct ethtool_gstrings *names;
	struct ethtool_stats *values;
	uint32_t count;
	char statistic[ETH_GSTRING_LEN + 1];
	driver_sample(host, device);
	if (count_ask(state, device, &count) || !count)
		return;
	if (count > STATISTICS_MAX || statistics_ask(state, device, count, &names, &values)) {
		host_skip(host);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		memcpy(statistic, names->data + (size_t)i * ETH_GSTRING_LEN, ETH_GSTRING_LEN);
		statistic[ETH_GSTRING_LEN] = '\0';
		if (*statistic && host_filter_takes(&state->metrics, statistic))
			ethtool_statistic_sample(host, device, statistic, values->data[i]);
	}
}

static int ethtool_collect(struct host *host)
{
	struct ethtool_state *state = host->state;
	struct host_list devices;
	int r = host_list(host, 0, HOST_SYS, "class/net", &devices);
	if (r)
		return r;
	for (size_t i = 0; i < devices.count; i++)
		if (strlen(devices.names[i]) < IFNAMSIZ && host_filter_takes(&state->devices, devices.names[i]))
			device_sample(host, devices.names[i]);
	return devices.count ? 0 : -ENODATA;
}

static void ethtool_close(struct host *host)
{
	struct ethtool_state *state = host->state;
	host_filter_fini(&state->devices);
	host_filter_fini(&state->metrics);
	if (state->fd >= 0)
		close(state->fd);
	free(state->buffer);
	free(state);
}

static int ethtool_open(struct host *host)
{
	const struct host_options *options = host->options;
	struct ethtool_state *state = calloc(1, sizeof(*state));
	if (!state)
		return -ENOMEM;
	host->state = state;
	state->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = state->fd < 0 ? -errno : 0;
	if (!r)
		r = host_filter_init(&state->devices, options->ethtool_device_include, options->ethtool_device_exclude);
	if (!r)
		r = host_filter_init(&state->metrics, options->ethtool_metrics_include, "");
	if (r)
		ethtool_close(host);
	return r;
}

const struct host_ops host_ethtool = {.collect = ethtool_collect, .open = ethtool_open, .close = ethtool_close};
