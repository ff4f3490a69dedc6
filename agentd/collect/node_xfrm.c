/* SPDX-License-Identifier: MIT */
/* Errors of IPsec transformations: /proc/net/xfrm_stat. */
#include <string.h>

#include "host.h"

struct counter {
	const char *word;
	struct host_family family;
};
static const struct counter counters[] = {
#define XFRM(word, name, help) {word, HOST_COUNTER("node_xfrm_" name "_packets_total", help)},
#include "node_xfrm.def"
};

/* The kernel's order is the table's, but for those that only newer kernels have: those have no family. */
static const struct counter *counter_find(const char *word, size_t *next)
{
	for (size_t i = 0; i < HOST_COUNT_OF(counters); i++) {
		size_t at = (*next + i) % HOST_COUNT_OF(counters);
		if (strcmp(counters[at].word, word) != 0)
			continue;
		*next = at + 1;
		return &counters[at];
	}
	return NULL;
}

static int xfrm_collect(struct host *host)
{
	struct text text, line;
	size_t next = 0;
	int r = host_read(host, HOST_PROC, "net/xfrm_stat", &text);
	if (r)
		return r;
	while (text_line(&text, &line)) {
		uint64_t value;
		const char *word = text_word(&line);
		const struct counter *counter = word ? counter_find(word, &next) : NULL;
		if (!word || !text_u64(&line, &value))
			host_skip(host);
		else if (counter)
			host_u64(host, &counter->family, value);
	}
	return 0;
}

const struct host_ops host_xfrm = {.collect = xfrm_collect};
