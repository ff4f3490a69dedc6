/* SPDX-License-Identifier: MIT */
/* GET /api/cache?key=KEY&layer=l1|l2|l3: looks a key up in one of this worker's caches, and fills it on a miss. */
#include "api.h"

#include <string.h>

#include "cache.h"

static bool key_is_valid(const char *key)
{
	size_t len = strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:");
	return len >= 1 && len <= CACHE_KEY_BYTES_MAX && key[len] == '\0';
}

void api_cache(const struct request *request, struct outcome *outcome)
{
	int layer = request->query_layer ? label_find(DOMAIN_LAYER, request->query_layer) : -1;
	if (!request->query_key || !key_is_valid(request->query_key)) {
		outcome_refuse(outcome, STATUS_BAD_REQUEST,
			       "parameter key: 1 to %u of a-z A-Z 0-9 _ - . :", CACHE_KEY_BYTES_MAX);
		return;
	}
	if (layer < 0) {
		outcome_refuse(outcome, STATUS_BAD_REQUEST, "parameter layer: one of l1, l2, l3");
		return;
	}
	uint32_t value_bytes = 32 + 64 * (uint32_t)(strlen(request->query_key) % 8);
	bool hit = outcome_cache(outcome, (enum cache_layer)layer, request->query_key, value_bytes);
	outcome_answer(outcome, STATUS_OK, "{\"key\":\"%s\",\"layer\":\"%s\",\"hit\":%s}\n", request->query_key,
		       request->query_layer, hit ? "true" : "false");
}
