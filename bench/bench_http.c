/* SPDX-License-Identifier: MIT */
/* How many requests a second does the agent's HTTP server answer, and how long does the slowest hundredth take? Beside
 * libmicrohttpd alone, which sends the same bytes and knows nothing else, and beside nginx, which sends them from a
 * file. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expose/http.h"
#include "snapshot/builder.h"
#include "snapshot/snapshot.h"

#include "child.h"
#include "harness.h"
#include "http_load.h"
#include "label_sets.h"
#include "report.h"
#include "scratch.h"

#define PAGE_SERIES 700u           /* some 60 KB */
#define LARGE_PAGE_SERIES 1250000u /* some 100 MB */
#define FRESH_NS 100000000
#define PROMETHEUS_HEADERS                                                                                             \
	"User-Agent: Prometheus/2.42.0\r\nAccept: application/openmetrics-text;version=1.0.0,"                         \
	"application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\n"               \
	"Accept-Encoding: gzip\r\nX-Prometheus-Scrape-Timeout-Seconds: 10\r\n"

/* A port that was free a moment ago. */
static uint16_t port_choose(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) || getsockname(fd, (struct sockaddr *)&address, &len))
		bench_fail("no port on 127.0.0.1: %s", strerror(errno));
	close(fd);
	return ntohs(address.sin_port);
}

/* ---- the agent's server ---- */

struct agent {
	uint16_t port;
	size_t series_count;
	struct catalog *catalog;
	struct builder *builder;
	series_ref *series;
	uint64_t collections;
};

static void series_make(struct agent *agent)
{
	static const struct family_request request = {.name = "bench_requests",
						      .help = "A counter.",
						      .type = METRIC_COUNTER,
						      .label_names = label_names,
						      .label_count = LABEL_COUNT};
	struct label_set *sets = label_sets_new(agent->series_count);
	family_ref family;
	agent->catalog = catalog_new((uint32_t)agent->series_count);
	agent->builder = agent->catalog ? builder_new(agent->catalog) : NULL;
	agent->series = calloc(agent->series_count, sizeof(*agent->series));
	if (!agent->builder || !agent->series || catalog_family(agent->catalog, &request, &family) != CATALOG_OK)
		bench_fail("out of memory");
	for (size_t i = 0; i < agent->series_count; i++) {
		struct label labels[LABEL_COUNT];
		for (size_t j = 0; j < LABEL_COUNT; j++)
			labels[j] = (struct label){label_names[j], sets[i].values[j]};
		if (catalog_series(agent->catalog, family, labels, LABEL_COUNT, &agent->series[i]) != CATALOG_OK)
			bench_fail("the catalog refused a series");
	}
	label_sets_free(sets);
}

static struct snapshot *collect(void *context, const struct page_collection *collection)
{
	struct agent *agent = context;
	(void)collection;
	agent->collections++;
	builder_begin(agent->builder);
	for (size_t i = 0; i < agent->series_count; i++)
		builder_merge(agent->builder, agent->series[i], MERGE_SUM,
			      (struct number){.type = NUMBER_U64, .u64 = i * 977 + agent->collections}, 0);
	return builder_freeze(agent->builder);
}

static bool no_collector(void *context, const char *name, struct page_collectors *collectors)
{
	(void)context;
	(void)name;
	(void)collectors;
	return false;
}

/* In a child, for as long as that lives. */
static void agent_serve(void *context)
{
	struct agent *agent = context;
	char address[32], *addresses[] = {address}, *error = NULL;
	series_make(agent);
	const struct page_options pages = {.collect = collect,
					   .context = agent,
					   .fresh_ns = FRESH_NS,
					   .carrier_new = http_carrier_new,
					   .carrier_free = http_carrier_free};
	const struct http_options options = {
		.name = "bench",
		.version = "0",
		.telemetry_path = "/metrics",
		.connections_max = 512,
		.timeout_s = 30,
		.request_timeout_ns = INT64_C(10000000000),
		.readiness = readiness_new(),
		.pages = page_cache_new(&pages),
		.collector_find = no_collector,
	};
	struct http *http = http_new(&options);
	snprintf(address, sizeof(address), "127.0.0.1:%u", agent->port);
	if (!http || http_listen(http, addresses, 1, &error))
		bench_fail("%s: %s", address, error ? error : "out of memory");
}

/* ---- libmicrohttpd alone ---- */

struct bare {
	uint16_t port;
	const char *page;
	size_t len;
	struct MHD_Response *responses[2]; /* the page, and what /health says */
};

static enum MHD_Result bare_handle(void *context, struct MHD_Connection *connection, const char *url,
				   const char *method, const char *version, const char *data, size_t *data_len,
				   void **request)
{
	const struct bare *bare = context;
	static int seen;
	(void)method;
	(void)version;
	(void)data;
	(void)data_len;
	if (!*request) {
		*request = &seen;
		return MHD_YES;
	}
	return MHD_queue_response(connection, MHD_HTTP_OK, bare->responses[strcmp(url, "/metrics") != 0]);
}

static void bare_serve(void *context)
{
	static const char health[] = "{\"status\":\"ok\"}\n";
	struct bare *bare = context;
	bare->responses[0] = MHD_create_response_from_buffer(bare->len, (void *)bare->page, MHD_RESPMEM_PERSISTENT);
	bare->responses[1] =
		MHD_create_response_from_buffer(sizeof(health) - 1, (void *)health, MHD_RESPMEM_PERSISTENT);
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(bare->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (!MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, bare->port, NULL, NULL, bare_handle, bare,
			      MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_END))
		bench_fail("libmicrohttpd does not listen on port %u", bare->port);
}

/* ---- nginx ---- */

struct nginx {
	uint16_t port;
	const char *program; /* NULL: not installed */
	pid_t pid;
	char directory[64];
};

static const char *nginx_find(void)
{
	static const char *const places[] = {"/usr/sbin/nginx", "/usr/local/sbin/nginx", "build/peers/usr/sbin/nginx"};
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (!access(places[i], X_OK))
			return places[i];
	return NULL;
}

static void file_write(const struct nginx *nginx, const char *name, const char *bytes, size_t len)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", nginx->directory, name);
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
		bench_fail("%s: %s", path, strerror(errno));
	close(fd);
}

static void nginx_start(struct nginx *nginx, const char *page, size_t len)
{
	char text[2048], path[128];
	if (!nginx->program)
		return;
	snprintf(nginx->directory, sizeof(nginx->directory), "%s", scratch_directory());
	const int text_len = snprintf(
		text, sizeof(text),
		"daemon off; worker_processes 1; pid %1$s/pid; error_log stderr crit; %3$s\n"
		"events { worker_connections 1024; }\n"
		"http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; default_type "
		"text/plain;\n"
		" client_body_temp_path %1$s; proxy_temp_path %1$s; fastcgi_temp_path %1$s; uwsgi_temp_path %1$s;\n"
		" scgi_temp_path %1$s; open_file_cache max=16;\n"
		" server { listen 127.0.0.1:%2$u; root %1$s; } }\n",
		nginx->directory, nginx->port, geteuid() ? "" : "user root;");
	file_write(nginx, "nginx.conf", text, (size_t)text_len);
	file_write(nginx, "metrics", page, len);
	file_write(nginx, "health", "{\"status\":\"ok\"}\n", 16);
	snprintf(path, sizeof(path), "%s/nginx.conf", nginx->directory);
	fflush(NULL);
	nginx->pid = fork();
	if (!nginx->pid) {
		execl(nginx->program, nginx->program, "-p", nginx->directory, "-c", path, (char *)NULL);
		_exit(127);
	}
	http_load_await(nginx->port);
}

static void nginx_stop(struct nginx *nginx)
{
	if (!nginx->pid)
		return;
	kill(nginx->pid, SIGTERM);
	waitpid(nginx->pid, NULL, 0);
}

/* ---- questions ---- */

struct question {
	struct http_load load;
	/* Of each round, for the group that asks about latency. */
	double p99_us[REPORT_ROUNDS_MAX];
	unsigned count;
	unsigned next;
};

static double requests_per_second(void *context)
{
	struct question *question = context;
	const struct http_load_result result = http_load_run(&question->load);
	question->p99_us[question->count++] = result.p99_us;
	return result.requests_per_second;
}

static double p99_us(void *context)
{
	struct question *question = context;
	return question->p99_us[question->next++];
}

#define CASES 4u

struct peers {
	struct bare bare;
	struct agent agent;
	struct nginx nginx;
};

static void ask(const struct peers *peers, const char *what, const char *path, unsigned connections)
{
	const struct http_load load = {.path = path,
				       .headers = "",
				       .connections = connections,
				       .duration_ns = bench_quick() ? 50000000 : 500000000};
	static const char *const names[CASES] = {"libmicrohttpd alone", "mstatd", "mstatd, asked as Prometheus asks",
						 "nginx, from a file"};
	const uint16_t ports[CASES] = {peers->bare.port, peers->agent.port, peers->agent.port, peers->nginx.port};
	static struct question questions[CASES];
	struct bench_case throughput[CASES], latency[CASES];
	char group[96];
	for (size_t i = 0; i < CASES; i++) {
		questions[i] = (struct question){.load = load};
		questions[i].load.port = ports[i];
		const bool there = i < 3 || peers->nginx.program;
		throughput[i] = (struct bench_case){
			.name = names[i], .measure = there ? requests_per_second : NULL, .context = &questions[i]};
		latency[i] = (struct bench_case){
			.name = names[i], .measure = there ? p99_us : NULL, .context = &questions[i]};
	}
	questions[2].load.headers = PROMETHEUS_HEADERS;
	snprintf(group, sizeof(group), "%s, %u connections", what, connections);
	bench_group(group, "requests/s, more is better", 1, throughput, CASES);
	snprintf(group, sizeof(group), "%s, %u connections, slowest hundredth", what, connections);
	bench_group(group, "us", 1, latency, CASES);
}

/* The bytes that the agent serves. */
static char *page_of(const struct agent *agent, size_t *len)
{
	char request[128], *answer = malloc(1 << 20);
	size_t got = 0;
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(agent->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int request_len =
		snprintf(request, sizeof(request), "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	if (!answer || connect(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    send(fd, request, (size_t)request_len, MSG_NOSIGNAL) != request_len)
		bench_fail("no page from 127.0.0.1:%u: %s", agent->port, strerror(errno));
	for (ssize_t n; (n = recv(fd, answer + got, (1 << 20) - 1 - got, 0)) > 0;)
		got += (size_t)n;
	close(fd);
	answer[got] = '\0';
	char *body = strstr(answer, "\r\n\r\n");
	if (!body)
		bench_fail("no page from 127.0.0.1:%u", agent->port);
	*len = got - (size_t)(body + 4 - answer);
	memmove(answer, body + 4, *len);
	return answer;
}

static void requests_run(void)
{
	struct peers peers = {.agent = {.port = port_choose(), .series_count = PAGE_SERIES}};
	struct child agent = child_start(agent_serve, &peers.agent);
	peers.bare.page = page_of(&peers.agent, &peers.bare.len);
	peers.bare.port = port_choose();
	struct child bare = child_start(bare_serve, &peers.bare);
	peers.nginx = (struct nginx){.port = port_choose(), .program = nginx_find()};
	nginx_start(&peers.nginx, peers.bare.page, peers.bare.len);
	printf("  page       %zu bytes, collected and rendered anew every 100 ms\n", peers.bare.len);
	for (unsigned connections = 4; connections <= 64; connections *= 16) {
		ask(&peers, "page", "/metrics", connections);
		ask(&peers, "/health", "/health", connections);
	}
	nginx_stop(&peers.nginx);
	child_stop(&bare);
	child_stop(&agent);
	free((char *)peers.bare.page);
}

/* ---- a large page ---- */

struct large {
	struct agent agent;
	pid_t pid;
	double last_byte_ms, peak_bytes;
};

static double status_kib(pid_t pid, const char *field)
{
	char path[64], line[256], pattern[64];
	double kib = -1;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	snprintf(pattern, sizeof(pattern), "%s: %%lf", field);
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, pattern, &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib;
}

/* One page that is not there yet: the first byte, in milliseconds; notes the last byte and the memory. */
static double first_byte_ms(void *context)
{
	static char buffer[1 << 18];
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	struct large *large = context;
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(large->agent.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	usleep(2 * FRESH_NS / 1000);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		bench_fail("127.0.0.1:%u: %s", large->agent.port, strerror(errno));
	const double before_kib = status_kib(large->pid, "VmRSS");
	const int64_t start_ns = bench_now_ns();
	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0 || recv(fd, buffer, 1, 0) != 1)
		bench_fail("no page from 127.0.0.1:%u", large->agent.port);
	const int64_t first_ns = bench_now_ns();
	const double after_kib = status_kib(large->pid, "VmRSS");
	while (recv(fd, buffer, sizeof(buffer), 0) > 0)
		;
	large->last_byte_ms = (double)(bench_now_ns() - start_ns) / 1e6;
	large->peak_bytes = (after_kib > before_kib ? after_kib : before_kib) * 1024;
	close(fd);
	return (double)(first_ns - start_ns) / 1e6;
}

static double last_byte_ms(void *context)
{
	return ((struct large *)context)->last_byte_ms;
}

static double resident_bytes(void *context)
{
	return ((struct large *)context)->peak_bytes / (double)((struct large *)context)->agent.series_count;
}

static void large_run(void)
{
	static struct large large = {.agent = {.series_count = LARGE_PAGE_SERIES}};
	large.agent.port = port_choose();
	struct child agent = child_start(agent_serve, &large.agent);
	large.pid = agent.pid;
	const struct bench_case times[] = {
		{.name = "first byte, collecting and rendering included", .measure = first_byte_ms, .context = &large},
		{.name = "last byte", .measure = last_byte_ms, .context = &large},
	};
	const struct bench_case memory = {
		.name = "catalog, values and page", .measure = resident_bytes, .context = &large};
	bench_group("a page of 100 MB", "ms", 1, times, 2);
	bench_group("a page of 100 MB, resident memory", "bytes/series", 1, &memory, 1);
	child_stop(&agent);
}

int main(int argc, char **argv)
{
	bench_begin("How many requests a second does the agent's HTTP server answer?", argc, argv);
	requests_run();
	if (!bench_quick())
		large_run();
	return bench_end();
}
