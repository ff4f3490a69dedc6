/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "prometheus.h"
#include "scrape.h"

#define SCRAPE_INTERVAL "500ms"

bool prometheus_missing(void)
{
	if (program_installed("prometheus"))
		return false;
	print_message("skipped: prometheus is not installed\n");
	return true;
}

static uint16_t port_free(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0 && !bind(fd, (struct sockaddr *)&address, len) &&
		    !getsockname(fd, (struct sockaddr *)&address, &len));
	close(fd);
	return ntohs(address.sin_port);
}

static void await_ready(uint16_t port)
{
	for (const int64_t end_ms = clock_ms() + WAIT_MS; clock_ms() < end_ms; usleep(50000)) {
		char *answer = http_ask(port, "GET", "/-/ready");
		const bool ready = answer && !strncmp(answer, "HTTP/1.1 200 ", 13);
		free(answer);
		if (ready)
			return;
	}
	fail_msg("Prometheus is not ready after %d ms", WAIT_MS);
}

void prometheus_start(struct daemon *prometheus, const struct scratch *scratch, uint16_t target, const char *features)
{
	prometheus_start_job(prometheus, scratch, target, features, "");
}

void prometheus_start_job(struct daemon *prometheus, const struct scratch *scratch, uint16_t target,
			  const char *features, const char *job)
{
	char config[128], config_flag[160], storage_flag[160], listen_flag[64], features_flag[160];
	const char *words[] = {"prometheus", config_flag,        storage_flag,
			       listen_flag,  "--log.level=warn", features ? features_flag : NULL,
			       NULL};
	snprintf(config, sizeof(config), "%s/prometheus.yml", scratch->path);
	FILE *file = fopen(config, "w");
	assert_non_null(file);
	fprintf(file,
		"global: {scrape_interval: " SCRAPE_INTERVAL ", scrape_timeout: " SCRAPE_INTERVAL "}\n"
		"scrape_configs:\n- job_name: mstat\n  static_configs: [{targets: ['127.0.0.1:%u']}]\n%s",
		target, job);
	assert_int_equal(fclose(file), 0);
	const uint16_t port = port_free();
	snprintf(config_flag, sizeof(config_flag), "--config.file=%s", config);
	snprintf(storage_flag, sizeof(storage_flag), "--storage.tsdb.path=%s/data", scratch->path);
	snprintf(listen_flag, sizeof(listen_flag), "--web.listen-address=127.0.0.1:%u", port);
	snprintf(features_flag, sizeof(features_flag), "--enable-feature=%s", features ? features : "");
	daemon_spawn(prometheus, scratch, "prometheus.log", words);
	prometheus->port = port;
	await_ready(port);
}

json_t *prometheus_ask(const struct daemon *prometheus, const char *api, const char *expression, const char *more)
{
	char path[1536];
	size_t len = (size_t)snprintf(path, sizeof(path), "/api/v1/%s?query=", api);
	for (const char *c = expression; *c; c++) {
		assert_true(len + 4 < sizeof(path));
		len += (size_t)snprintf(path + len, 4, "%%%02X", (unsigned char)*c);
	}
	assert_true(len + strlen(more) < sizeof(path));
	strcpy(path + len, more);
	char *answer = http_ask(prometheus->port, "GET", path);
	assert_non_null(answer);
	json_t *root = json_loads(http_body(answer), 0, NULL);
	json_t *data = json_incref(json_object_get(root, "data"));
	if (!data)
		fail_msg("%s: %s", expression, answer);
	json_decref(root);
	free(answer);
	return data;
}

/* The results of an instant query; a new reference. */
static json_t *query(const struct daemon *prometheus, const char *expression)
{
	json_t *data = prometheus_ask(prometheus, "query", expression, "");
	json_t *results = json_incref(json_object_get(data, "result"));
	assert_true(json_is_array(results));
	json_decref(data);
	return results;
}

static const char *result_value(const json_t *result)
{
	return json_string_value(json_array_get(json_object_get(result, "value"), 1));
}

void prometheus_await(const struct daemon *prometheus, double moment)
{
	for (const int64_t end_ms = clock_ms() + WAIT_MS; clock_ms() < end_ms; usleep(100000)) {
		/* Of a bare selector: timestamp() of an expression is the time of the query. */
		json_t *results = query(prometheus, "timestamp(up{job=\"mstat\"})");
		const json_t *result = json_array_get(results, 0);
		const double last = result ? strtod(result_value(result), NULL) : 0;
		json_decref(results);
		if (last > moment + 0.2) /* a page may be shared for 0.1 s */
			return;
	}
	fail_msg("Prometheus has not scraped for %d ms", WAIT_MS);
}

double now_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double prometheus_number(const struct daemon *prometheus, const char *expression)
{
	json_t *results = query(prometheus, expression);
	if (json_array_size(results) != 1)
		fail_msg("%s: %s", expression, json_dumps(results, JSON_COMPACT));
	const double number = strtod(result_value(json_array_get(results, 0)), NULL);
	json_decref(results);
	return number;
}

void prometheus_expect(const struct daemon *prometheus, const char *expression, const char *value)
{
	json_t *results = query(prometheus, expression);
	if (json_array_size(results) != 1 || strcmp(result_value(json_array_get(results, 0)), value)) {
		char *text = json_dumps(results, JSON_COMPACT);
		fail_msg("%s is not %s: %s", expression, value, text);
	}
	json_decref(results);
}
