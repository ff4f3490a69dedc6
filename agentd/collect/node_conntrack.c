/* SPDX-License-Identifier: MIT */
/* Connection tracking: /proc/sys/net/netfilter and /proc/net/stat/nf_conntrack. */
#include <string.h>

#include "host.h"

static const struct host_family entries_family =
	HOST_GAUGE("node_nf_conntrack_entries", "Number of currently allocated flow entries for connection tracking.");
static const struct host_family limit_family =
	HOST_GAUGE("node_nf_conntrack_entries_limit", "Maximum size of connection tracking table.");

struct column {
	const char *word;
	struct host_family family;
};
static const struct column columns[] = {
	{"found", HOST_GAUGE("node_nf_conntrack_stat_found", "Number of searched entries which were successful.")},
	{"invalid", HOST_GAUGE("node_nf_conntrack_stat_invalid", "Number of packets seen which can not be tracked.")},
	{"ignore", HOST_GAUGE("node_nf_conntrack_stat_ignore",
			      "Number of packets seen which are already connected to a conntrack entry.")},
	{"insert", HOST_GAUGE("node_nf_conntrack_stat_insert", "Number of entries inserted into the list.")},
	{"insert_failed", HOST_GAUGE("node_nf_conntrack_stat_insert_failed",
				     "Number of entries for which list insertion was attempted but failed.")},
	{"drop", HOST_GAUGE("node_nf_conntrack_stat_drop", "Number of packets dropped due to conntrack failure.")},
	{"early_drop", HOST_GAUGE("node_nf_conntrack_stat_early_drop",
				  "Number of dropped conntrack entries to make room for new ones, if maximum table "
				  "size was reached.")},
	{"search_restart", HOST_GAUGE("node_nf_conntrack_stat_search_restart",
				      "Number of conntrack table lookups which had to be restarted due to hashtable "
				      "resizes.")},
};
#define WORDS_MAX 32

/* Which of `columns` each column of the file is, or -1. */
static size_t header_read(struct text *line, int *kinds)
{
	size_t count = 0;
	const char *word;
	while (count < WORDS_MAX && (word = text_word(line))) {
		kinds[count] = -1;
		for (size_t i = 0; i < HOST_COUNT_OF(columns); i++)
			if (!strcmp(word, columns[i].word))
				kinds[count] = (int)i;
		count++;
	}
	return count;
}

/* One line per CPU; what is told is their sum. */
static int stat_sample(struct host *host)
{
	struct text text, line;
	int kinds[WORDS_MAX];
	uint64_t sums[HOST_COUNT_OF(columns)] = {0};
	int r = host_read(host, HOST_PROC, "net/stat/nf_conntrack", &text);
	if (r)
		return r;
	size_t count = text_line(&text, &line) ? header_read(&line, kinds) : 0;
	while (text_line(&text, &line)) {
		for (size_t i = 0; i < count; i++) {
			uint64_t value;
			if (!text_hex(&line, &value)) {
				host_skip(host);
				break;
			}
			if (kinds[i] >= 0)
				sums[kinds[i]] += value;
		}
	}
	for (size_t i = 0; i < HOST_COUNT_OF(columns); i++)
		host_u64(host, &columns[i].family, sums[i]);
	return 0;
}

static int conntrack_collect(struct host *host)
{
	uint64_t value;
	int r = host_read_u64(host, HOST_PROC, "sys/net/netfilter/nf_conntrack_count", &value);
	if (r)
		return r;
	host_u64(host, &entries_family, value);
	r = host_read_u64(host, HOST_PROC, "sys/net/netfilter/nf_conntrack_max", &value);
	if (r)
		return r;
	host_u64(host, &limit_family, value);
	return stat_sample(host);
}

const struct host_ops host_conntrack = {.collect = conntrack_collect};
