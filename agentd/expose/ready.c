/* SPDX-License-Identifier: MIT */
/* Readiness: named checks as JSON. */
#include "ready.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
	const char *word;
	int64_t age_max_ns;
} checks[READY_CHECK_COUNT] = {
#define READY_CHECK(name, word, age_max_ns) {word, age_max_ns},
#include "ready.def"
#undef READY_CHECK
};

struct result {
	bool reported;
	bool ok;
	char reason[128];
	int64_t response_ns;
	int64_t time_ns;      /* CLOCK_REALTIME, to be shown */
	int64_t monotonic_ns; /* to tell the age by: the wall clock may jump */
};

struct readiness {
	pthread_mutex_t lock;
	struct result results[READY_CHECK_COUNT];
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

struct readiness *readiness_new(void)
{
	struct readiness *readiness = calloc(1, sizeof(*readiness));
	if (readiness)
		pthread_mutex_init(&readiness->lock, NULL);
	return readiness;
}

void readiness_free(struct readiness *readiness)
{
	if (!readiness)
		return;
	pthread_mutex_destroy(&readiness->lock);
	free(readiness);
}

void readiness_report(struct readiness *readiness, enum ready_check check, const char *reason, int64_t response_ns)
{
	struct result result = {.reported = true, .ok = !reason, .response_ns = response_ns};
	if (reason)
		strncpy(result.reason, reason, sizeof(result.reason) - 1);
	result.time_ns = clock_ns(CLOCK_REALTIME);
	result.monotonic_ns = clock_ns(CLOCK_MONOTONIC);
	pthread_mutex_lock(&readiness->lock);
	readiness->results[check] = result;
	pthread_mutex_unlock(&readiness->lock);
}

/* Why a check fails, or NULL. */
static const char *result_reason(const struct result *result, int64_t age_max_ns)
{
	if (!result->reported)
		return "not checked yet";
	if (!result->ok)
		return result->reason;
	if (age_max_ns && clock_ns(CLOCK_MONOTONIC) - result->monotonic_ns > age_max_ns)
		return "the last check is too old";
	return NULL;
}

static json_t *time_json(int64_t time_ns)
{
	const time_t seconds = (time_t)(time_ns / 1000000000);
	struct tm tm;
	char text[48];
	gmtime_r(&seconds, &tm);
	const size_t len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + len, sizeof(text) - len, ".%03dZ", (int)(time_ns / 1000000 % 1000));
	return json_string(text);
}

static json_t *result_json(const struct result *result, const char *reason)
{
	json_t *object = json_object();
	/* Microseconds are enough; more digits would be noise. */
	const double response_ms = (double)(result->response_ns / 1000) / 1000;
	int r = json_object_set_new(object, "status", json_string(reason ? "failing" : "ok"));
	if (result->reported) {
		r |= json_object_set_new(object, "response_time_ms", json_real(response_ms));
		r |= json_object_set_new(object, "last_check", time_json(result->time_ns));
	}
	/* A reason that is not UTF-8 (it may quote a file name) is shown as such. */
	if (reason)
		r |= json_object_set_new(object, "reason", json_string(reason) ?: json_string("(not UTF-8)"));
	if (!r)
		return object;
	json_decref(object);
	return NULL;
}

int readiness_render(struct readiness *readiness, char **body, size_t *len, bool *ok)
{
	struct result results[READY_CHECK_COUNT];
	pthread_mutex_lock(&readiness->lock);
	memcpy(results, readiness->results, sizeof(results));
	pthread_mutex_unlock(&readiness->lock);

	bool all = true;
	int r = 0;
	json_t *root = json_object(), *list = json_object();
	for (size_t i = 0; i < READY_CHECK_COUNT; i++) {
		const char *reason = result_reason(&results[i], checks[i].age_max_ns);
		all = all && !reason;
		r |= json_object_set_new(list, checks[i].word, result_json(&results[i], reason));
	}
	r |= json_object_set_new(root, "status", json_string(all ? "ok" : "failing"));
	r |= json_object_set_new(root, "timestamp", time_json(clock_ns(CLOCK_REALTIME)));
	r |= json_object_set_new(root, "checks", list);
	char *text = r ? NULL : json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(6));
	json_decref(root);
	if (!text)
		return -ENOMEM;
	*body = text;
	*len = strlen(text);
	*ok = all;
	return 0;
}
