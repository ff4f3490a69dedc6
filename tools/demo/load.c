/* SPDX-License-Identifier: MIT */
/* The lanes: threads that share one timetable. */
#include "load.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mstat/atomic.h>

#include "ledger.h"
#include "load_client.h"
#include "load_mix.h"
#include "load_report.h"
#include "random.h"

#define SLEEP_NS_MAX 50000000ull
#define RECONNECT_NS 10000000
#define RECONNECT_MAX 500u           /* after that, and without a service, a request is given up */
#define REQUESTS_PER_CONNECTION 200u /* then a new one, so that new workers get their share */

static const struct load_options *options;
static struct report *report;
static uint64_t next_ticket;
static uint64_t start_ns;
static uint32_t stopping;
static uint32_t lanes_running;

struct lane {
	uint32_t number;
	uint64_t sequence;
	uint64_t random;
	uint32_t asked; /* on this connection */
	struct client client;
};

static uint64_t clock_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Waits until a ticket is due; false: the load is stopping. */
static bool ticket_wait(uint64_t ticket)
{
	uint64_t due_ns = start_ns + (uint64_t)((double)ticket / options->rate * 1e9);
	for (;;) {
		if (mstat_load_relaxed(&stopping))
			return false;
		uint64_t now_ns = clock_ns();
		if (now_ns >= due_ns)
			return true;
		uint64_t left_ns = due_ns - now_ns;
		nanosleep(&(struct timespec){0, (long)(left_ns < SLEEP_NS_MAX ? left_ns : SLEEP_NS_MAX)}, NULL);
	}
}

static size_t request_print(const struct lane *lane, const struct mix_request *mix, char *text, size_t text_bytes)
{
	int len = snprintf(text, text_bytes,
			   "%s %s HTTP/1.1\r\nHost: demo\r\n" REQUEST_KEY_HEADER ": " REQUEST_KEY_FORMAT
			   "\r\nContent-Length: %zu\r\n\r\n%s",
			   mix->verb, mix->target, (unsigned long long)options->run, lane->number,
			   (unsigned long long)lane->sequence, strlen(mix->body), mix->body);
	return (size_t)len;
}

static int lane_try(struct lane *lane, const char *request, size_t request_len, struct client_answer *answer)
{
	if (lane->client.fd < 0) {
		int error =
			client_open(&lane->client, (const struct sockaddr *)&options->address, options->address_len);
		if (error)
			return error;
		lane->asked = 0;
	}
	return client_ask(&lane->client, request, request_len, answer);
}

/* Asks until there is an answer. Gives up only when nobody has listened for 5 seconds: the service is gone. */
static void lane_ask(struct lane *lane, const struct mix_request *mix)
{
	char request[1024];
	struct client_answer answer;
	size_t request_len = request_print(lane, mix, request, sizeof(request));
	unsigned refused = 0;
	for (int error; (error = lane_try(lane, request, request_len, &answer)) != 0;) {
		if (error != -ECONNREFUSED) {
			report_retry(report);
			refused = 0;
		} else if (++refused > RECONNECT_MAX) {
			report_abandon(report);
			return;
		}
		if (lane->client.fd < 0 && error != -ECONNRESET)
			nanosleep(&(struct timespec){0, RECONNECT_NS}, NULL);
	}
	report_answer(report, mix->method, mix->endpoint, answer.code, answer.body);
	if (answer.close || ++lane->asked >= REQUESTS_PER_CONNECTION)
		client_close(&lane->client);
}

static void *lane_run(void *argument)
{
	struct lane *lane = argument;
	struct mix_request mix;
	for (;;) {
		uint64_t ticket = mstat_add_relaxed(&next_ticket, 1);
		if ((options->requests && ticket >= options->requests) || !ticket_wait(ticket))
			break;
		mix_request(ticket, &lane->random, &mix);
		lane->sequence++;
		lane_ask(lane, &mix);
	}
	client_close(&lane->client);
	mstat_add_relaxed(&lanes_running, -1);
	return NULL;
}

static void report_update(bool finished)
{
	int error = *options->report_path ? report_write(report, options->report_path, finished) : 0;
	if (error)
		fprintf(stderr, "demo load: %s: cannot write the report: %s\n", options->report_path, strerror(-error));
}

/* Writes the report once a second until all lanes have ended or SIGTERM has come and they have. */
static void lanes_watch(void)
{
	sigset_t stop;
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	for (unsigned tenths = 1; mstat_load_relaxed(&lanes_running); tenths++) {
		if (sigtimedwait(&stop, NULL, &(struct timespec){0, 100000000}) == SIGTERM)
			mstat_store_relaxed(&stopping, 1);
		if (tenths % 10 == 0)
			report_update(false);
	}
}

static struct lane *lanes_new(void)
{
	uint64_t random = options->seed;
	struct lane *lanes = calloc(options->lanes, sizeof(*lanes));
	for (uint32_t i = 0; lanes && i < options->lanes; i++) {
		lanes[i].number = i;
		lanes[i].random = random_next(&random);
		lanes[i].client.fd = -1;
	}
	return lanes;
}

/* Starts a thread a lane; returns how many there are. */
static uint32_t lanes_start(struct lane *lanes, pthread_t *threads)
{
	uint32_t started = 0;
	lanes_running = options->lanes;
	while (started < options->lanes && pthread_create(&threads[started], NULL, lane_run, &lanes[started]) == 0)
		started++;
	mstat_add_relaxed(&lanes_running, started - options->lanes);
	return started;
}

int load_run(const struct load_options *given)
{
	int code = 1;
	options = given;
	report = report_new(options->run, options->seed);
	struct lane *lanes = lanes_new();
	pthread_t *threads = calloc(options->lanes, sizeof(*threads));
	if (!report || !lanes || !threads) {
		fprintf(stderr, "demo load: out of memory\n");
		goto out;
	}
	start_ns = clock_ns();
	uint32_t started = lanes_start(lanes, threads);
	if (!started) {
		fprintf(stderr, "demo load: no thread could be started: raise the limit of processes (ulimit -u)\n");
		goto out;
	}
	lanes_watch();
	for (uint32_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	report_update(true);
	report_print(report, stdout);
	code = report_is_clean(report) ? 0 : 1;
out:
	free(threads);
	free(lanes);
	report_free(report);
	return code;
}
