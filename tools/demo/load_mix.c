/* SPDX-License-Identifier: MIT */
/* The mix: one function a kind of request, chosen by weight. */
#include "load_mix.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "random.h"

#define BURST_EVERY 400u /* tickets */
#define BURST_LENGTH 24u

static void request_set(struct mix_request *request, const char *verb, enum endpoint endpoint)
{
	int method = label_find(DOMAIN_METHOD, verb);
	request->method = method < 0 ? METHOD_OTHER : (enum method)method;
	request->endpoint = endpoint;
	request->verb = verb;
	snprintf(request->target, sizeof(request->target), "%s",
		 endpoint == ENDPOINT_OTHER ? "/nowhere" : label_text(DOMAIN_ENDPOINT, endpoint));
}

static void make_llm(uint64_t *random, struct mix_request *request)
{
	enum model model = (enum model)random_below(random, MODEL_COUNT);
	request_set(request, "POST", ENDPOINT_LLM);
	snprintf(request->body, sizeof(request->body),
		 "{\"provider\":\"%s\",\"model\":\"%s\",\"prompt\":\"Tell me story number %u, and make it short.\","
		 "\"max_tokens\":%u}",
		 label_text(DOMAIN_PROVIDER, model_provider(model)), label_text(DOMAIN_MODEL, model),
		 random_below(random, 40), 16 + random_below(random, 500));
}

static void make_cache(uint64_t *random, struct mix_request *request)
{
	/* The smaller of two: some keys are popular. */
	uint32_t first = random_below(random, 2000), second = random_below(random, 2000);
	request_set(request, "GET", ENDPOINT_CACHE);
	snprintf(request->target, sizeof(request->target), "/api/cache?key=item-%u&layer=%s",
		 first < second ? first : second, label_text(DOMAIN_LAYER, random_below(random, LAYER_COUNT)));
}

static void make_register(uint64_t *random, struct mix_request *request)
{
	static const char *const sources[] = {"web", "api", "mobile", "partner"};
	uint32_t number = random_below(random, 1000000);
	request_set(request, "POST", ENDPOINT_REGISTER);
	snprintf(request->body, sizeof(request->body),
		 "{\"username\":\"user_%u\",\"email\":\"user_%u@example.org\",\"source\":\"%s\"}", number, number,
		 sources[random_below(random, 4)]);
}

static void make_optimize(uint64_t *random, struct mix_request *request)
{
	request_set(request, "POST", ENDPOINT_OPTIMIZE);
	snprintf(request->body, sizeof(request->body), "{\"parameter\":\"%s\",\"minimum\":0,\"maximum\":%u}",
		 random_percent(random, 50) ? "temperature" : "top_p", 1 + random_below(random, 3));
}

static void make_health(uint64_t *random, struct mix_request *request)
{
	(void)random;
	request_set(request, "GET", ENDPOINT_HEALTH);
}

/* A mistake of a client: no JSON, a field too many, a value out of range, a wrong method, an unknown path. */
static void make_bad(uint64_t *random, struct mix_request *request)
{
	switch (random_below(random, 6)) {
	case 0:
		request_set(request, "POST", ENDPOINT_LLM);
		snprintf(request->body, sizeof(request->body), "{\"provider\":");
		break;
	case 1:
		request_set(request, "POST", ENDPOINT_REGISTER);
		snprintf(request->body, sizeof(request->body),
			 "{\"username\":\"a\",\"email\":\"nobody\",\"source\":\"web\"}");
		break;
	case 2:
		request_set(request, "POST", ENDPOINT_OPTIMIZE);
		snprintf(request->body, sizeof(request->body),
			 "{\"parameter\":\"top_p\",\"minimum\":0,\"maximum\":1,\"extra\":1}");
		break;
	case 3:
		request_set(request, "GET", ENDPOINT_CACHE);
		strcat(request->target, "?key=item-1&layer=l9");
		break;
	case 4:
		request_set(request, random_percent(random, 50) ? "PUT" : "GET", ENDPOINT_LLM);
		break;
	default:
		request_set(request, "GET", ENDPOINT_OTHER);
	}
}

static const struct {
	uint32_t percent;
	void (*make)(uint64_t *random, struct mix_request *request);
} kinds[] = {
	{50, make_llm}, {30, make_cache}, {8, make_register}, {6, make_optimize}, {5, make_health}, {1, make_bad},
};

void mix_request(uint64_t ticket, uint64_t *random, struct mix_request *request)
{
	request->body[0] = '\0';
	if (ticket % BURST_EVERY >= BURST_EVERY - BURST_LENGTH) {
		make_bad(random, request);
		return;
	}
	uint32_t dice = random_below(random, 100);
	size_t kind = 0;
	while (dice >= kinds[kind].percent)
		dice -= kinds[kind++].percent;
	kinds[kind].make(random, request);
}
