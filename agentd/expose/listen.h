/* SPDX-License-Identifier: MIT */
/* Listening sockets: from HOST:PORT to bound sockets. */
#ifndef AGENTD_EXPOSE_LISTEN_H
#define AGENTD_EXPOSE_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* HOST:PORT taken apart; an empty host means every interface. */
struct listen_address {
	char host[256];
	uint16_t port;
};

/* Where a socket is bound. */
struct listen_place {
	struct sockaddr_storage address;
	socklen_t len;
};
#define LISTEN_PLACES_MAX 8 /* of one name */

/* Takes HOST:PORT, [IPV6]:PORT or :PORT apart. 0 or -EINVAL. */
int listen_address_parse(const char *text, struct listen_address *address);

/* The places that an address means (localhost may mean two). Returns how many, at most LISTEN_PLACES_MAX; 0 if the host
 * is unknown: *reason then says why (a static text). May ask the resolver and block as long as that does. */
size_t listen_resolve(const struct listen_address *address, struct listen_place places[LISTEN_PLACES_MAX],
		      const char **reason);

/* A non-blocking, listening socket at a place, or -errno. The wildcard of IPv6 takes IPv4 too. */
int listen_open(const struct listen_place *place);

/* Whether this machine has no such address or address family at all, which is no reason to fail if another place of the
 * same name works. */
bool listen_absent(int error);

bool listen_place_equal(const struct listen_place *one, const struct listen_place *other);
bool listen_place_loopback(const struct listen_place *place);

/* Writes ADDRESS:PORT to `out`. */
void listen_place_print(const struct listen_place *place, char *out, size_t size);

#endif
