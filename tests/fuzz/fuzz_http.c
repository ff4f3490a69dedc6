/* SPDX-License-Identifier: MIT */
/* The HTTP server on loopback, in this process: the input is what a client sends, and in its last byte how it is cut.
 *
 * It is sent once as a whole and once in pieces of (last byte & 63) + 1 bytes, the last 64 bytes of it byte by byte
 * where the byte has its top bit; the status codes of the answers must be the same. Whatever was sent, /health is
 * answered afterwards.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "expose/http.h"
#include "fuzz.h"
#include "snapshot/builder.h"

#define CODES_MAX 64
#define WAIT_MS 1000 /* for the first byte of an answer */
#define WAIT_MORE_MS 20

static struct {
	struct http *http;
	struct catalog *catalog;
	struct builder *builder;
	struct sockaddr_in address;
} server;

static struct snapshot *collect(void *context, const struct page_collection *collection)
{
	(void)context;
	(void)collection;
	builder_begin(server.builder);
	builder_sample(server.builder, &(const struct family_request){.name = "up", .type = METRIC_GAUGE},
		       &(const struct label){"service", "shop"}, 1, (struct number){.type = NUMBER_U64, .u64 = 1});
	return builder_freeze(server.builder);
}

static bool collector_find(void *context, const char *name, struct page_collectors *collectors)
{
	(void)context;
	if (strcmp(name, "cpu"))
		return false;
	page_collectors_add(collectors, 0);
	return true;
}

static void server_start(void)
{
	char *address = (char *)"127.0.0.1:0", *error = NULL, place[64];

	server.catalog = catalog_new(1000);
	server.builder = builder_new(server.catalog);
	struct page_cache *pages = page_cache_new(&(const struct page_options){.collect = collect,
									       .fresh_ns = INT64_C(3600000000000),
									       .carrier_new = http_carrier_new,
									       .carrier_free = http_carrier_free});
	server.http = http_new(&(const struct http_options){.name = "mstatd",
							    .version = "1",
							    .telemetry_path = "/metrics",
							    .connections_max = 64,
							    .timeout_s = 30,
							    .request_timeout_ns = INT64_C(30000000000),
							    .readiness = readiness_new(),
							    .pages = pages,
							    .collector_find = collector_find});
	fuzz_require(server.http && !http_listen(server.http, &address, 1, &error));
	http_place_print(server.http, 0, place, sizeof(place));
	server.address = (struct sockaddr_in){.sin_family = AF_INET,
					      .sin_port = htons((uint16_t)atoi(strrchr(place, ':') + 1)),
					      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int client_connect(void)
{
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	fuzz_require(fd >= 0 && !connect(fd, (struct sockaddr *)&server.address, sizeof(server.address)));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

/* The server may have closed already: what is not taken is lost. */
static bool piece_send(int fd, const uint8_t *data, size_t size)
{
	return send(fd, data, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static void pieces_send(int fd, const uint8_t *data, size_t size, uint8_t rule)
{
	size_t step = (rule & 63) + 1u;

	for (size_t at = 0; at < size;) {
		size_t now = rule & 128 && size - at <= 64 ? 1 : step;
		now = now < size - at ? now : size - at;
		if (!piece_send(fd, data + at, now))
			return;
		at += now;
		/* Let the server see it alone, most times. */
		sched_yield();
	}
}

static char answer[1 << 20];

/* The status codes in what comes back, and that each answer begins as one. */
static size_t answers_read(int fd, uint16_t codes[CODES_MAX])
{
	char *bytes = answer;
	size_t len = 0, count = 0;
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	ssize_t got = 1;

	/* libmicrohttpd does not see the end of a connection that comes while it waits for a page: it stays open until
	 * its deadline then, and nothing more will come. */
	while (got > 0 && len < sizeof(answer) - 1 && poll(&wait, 1, len ? WAIT_MORE_MS : WAIT_MS) == 1) {
		got = recv(fd, bytes + len, sizeof(answer) - 1 - len, 0);
		len += got > 0 ? (size_t)got : 0;
	}
	bytes[len] = 0;
	fuzz_require(!len || !memcmp(bytes, "HTTP/1.", 7));
	/* Bodies say "HTTP/1.1 wants ...", but no number. */
	for (const char *at = bytes; (at = strstr(at, "HTTP/1.")) && count < CODES_MAX; at++)
		if (strspn(at + 7, "01") == 1 && at[8] == ' ' && strspn(at + 9, "0123456789") == 3)
			codes[count++] = (uint16_t)atoi(at + 9);
	return count;
}

static size_t exchange(const uint8_t *data, size_t size, int rule, uint16_t codes[CODES_MAX])
{
	int fd = client_connect();

	if (rule < 0)
		(void)piece_send(fd, data, size);
	else
		pieces_send(fd, data, size, (uint8_t)rule);
	shutdown(fd, SHUT_WR);
	size_t count = answers_read(fd, codes);
	close(fd);
	for (size_t i = 0; i < count; i++) {
		bool known = codes[i] == 100 || codes[i] == 200 || (codes[i] >= 400 && codes[i] < 500) ||
			     codes[i] == 503 || codes[i] == 505;
		if (!known)
			fprintf(stderr, "status code %u in:\n%s\n", codes[i], answer);
		fuzz_require(known);
	}
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char health[] = "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
	uint16_t whole[CODES_MAX], pieces[CODES_MAX];

	if (!server.http)
		server_start();
	if (!size || size > 16384)
		return 0;
	size_t count = exchange(data, size - 1, -1, whole);
	size_t count_pieces = exchange(data, size - 1, data[size - 1], pieces);
	/* Where one way was closed on in the midst, an answer may be lost with the connection. */
	for (size_t i = 0; i < count && i < count_pieces; i++)
		fuzz_require(whole[i] == pieces[i]);
	fuzz_require(exchange((const uint8_t *)health, sizeof(health) - 1, -1, whole) == 1 && whole[0] == 200);
	return 0;
}
