/* SPDX-License-Identifier: MIT */
/* Listening sockets: from HOST:PORT to bound sockets. */
#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define BACKLOG 256

static int port_parse(const char *text, uint16_t *port)
{
	const size_t len = strspn(text, "0123456789");
	if (!len || len > 5 || text[len] || atoi(text) > UINT16_MAX)
		return -EINVAL;
	*port = (uint16_t)atoi(text);
	return 0;
}

int listen_address_parse(const char *text, struct listen_address *address)
{
	const char *host = text, *colon = strrchr(text, ':');
	if (!colon)
		return -EINVAL;
	size_t len = (size_t)(colon - text);
	const bool bracketed = *text == '[';
	if (bracketed) {
		if (len < 3 || text[len - 1] != ']')
			return -EINVAL;
		host++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		return -EINVAL;
	}
	struct listen_address parsed = {.port = 0};
	if (len >= sizeof(parsed.host) || host[strcspn(host, " \t\r\n/")] || port_parse(colon + 1, &parsed.port))
		return -EINVAL;
	memcpy(parsed.host, host, len);
	struct in6_addr ignored;
	if (bracketed && inet_pton(AF_INET6, parsed.host, &ignored) != 1)
		return -EINVAL;
	*address = parsed;
	return 0;
}

static bool place_present(const struct listen_place *places, size_t count, const struct listen_place *place)
{
	for (size_t i = 0; i < count; i++) {
		if (listen_place_equal(&places[i], place))
			return true;
	}
	return false;
}

/* The name that every machine knows, also one without resolver and /etc/hosts (RFC 6761, 6.3). */
static int loopback_resolve(const char *service, const struct addrinfo *hints, struct addrinfo **list)
{
	struct addrinfo numeric = *hints;
	numeric.ai_flags = AI_NUMERICSERV; /* no AI_PASSIVE: no host means loopback */
	return getaddrinfo(NULL, service, &numeric, list);
}

size_t listen_resolve(const struct listen_address *address, struct listen_place places[LISTEN_PLACES_MAX],
		      const char **reason)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	char service[8];
	snprintf(service, sizeof(service), "%u", address->port);
	/* One wildcard socket of IPv6 takes IPv4 as well; two would compete for the port. */
	const char *host = *address->host ? address->host : "::";
	int r = getaddrinfo(host, service, &hints, &list);
	if (r && !strcasecmp(host, "localhost"))
		r = loopback_resolve(service, &hints, &list);
	if (r) {
		*reason = r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r);
		return 0;
	}
	size_t count = 0;
	for (const struct addrinfo *info = list; info && count < LISTEN_PLACES_MAX; info = info->ai_next) {
		struct listen_place place = {.len = info->ai_addrlen};
		memcpy(&place.address, info->ai_addr, info->ai_addrlen);
		if (!place_present(places, count, &place))
			places[count++] = place;
	}
	freeaddrinfo(list);
	if (!count)
		*reason = "no address";
	return count;
}

/* A machine without IPv6 cannot bind its wildcard; the one of IPv4 means the same there. */
static bool place_to_ipv4(const struct listen_place *place, struct listen_place *ipv4)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&place->address;
	if (v6->sin6_family != AF_INET6 || !IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr))
		return false;
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = v6->sin6_port};
	*ipv4 = (struct listen_place){.len = sizeof(v4)};
	memcpy(&ipv4->address, &v4, sizeof(v4));
	return true;
}

static int socket_bind(const struct listen_place *place)
{
	const int on = 1, off = 0;
	const int fd = socket(place->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&place->address;
	const bool dual = v6->sin6_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    (v6->sin6_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, dual ? &off : &on, sizeof(on))) ||
	    bind(fd, (const struct sockaddr *)&place->address, place->len) || listen(fd, BACKLOG)) {
		const int r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

bool listen_absent(int error)
{
	return error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL;
}

int listen_open(const struct listen_place *place)
{
	struct listen_place ipv4;
	const int fd = socket_bind(place);
	return listen_absent(fd) && place_to_ipv4(place, &ipv4) ? socket_bind(&ipv4) : fd;
}

bool listen_place_equal(const struct listen_place *one, const struct listen_place *other)
{
	return one->len == other->len && !memcmp(&one->address, &other->address, one->len);
}

bool listen_place_loopback(const struct listen_place *place)
{
	if (place->address.ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)&place->address;
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	}
	return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)&place->address)->sin6_addr);
}

void listen_place_print(const struct listen_place *place, char *out, size_t size)
{
	char host[INET6_ADDRSTRLEN + 32] = "?", port[8] = "?";
	getnameinfo((const struct sockaddr *)&place->address, place->len, host, sizeof(host), port, sizeof(port),
		    NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(out, size, place->address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}
