/* SPDX-License-Identifier: MIT */
/* Sessions of logind, by D-Bus. Slow: another process has to answer. */
#include <stdio.h>
#include <string.h>

#include "host_bus.h"

#define SERVICE "org.freedesktop.login1"
#define OBJECT "/org/freedesktop/login1"
#define MANAGER SERVICE ".Manager"
#define SESSION SERVICE ".Session"

static const struct host_family sessions_family = HOST_GAUGE(
	"node_logind_sessions", "Number of sessions registered in logind.", "seat", "remote", "type", "class");

/* The values of the labels; what logind calls otherwise is "other". */
static const char *const remotes[] = {"false", "true"};
static const char *const types[] = {"other", "unspecified", "tty", "x11", "wayland", "mir", "web"};
static const char *const classes[] = {"other", "user", "greeter", "lock-screen", "background"};
#define SEATS_MAX 64u
#define SEAT_BYTES 64u

/* The last seat is "", that of sessions without one (SSH). */
struct sessions {
	char seats[SEATS_MAX][SEAT_BYTES];
	size_t seat_count;
	uint32_t counts[SEATS_MAX][HOST_COUNT_OF(remotes)][HOST_COUNT_OF(types)][HOST_COUNT_OF(classes)];
};

/* Its place in the list, or 0, "other". */
static size_t word_find(const char *word, const char *const *list, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (!strcmp(word, list[i]))
			return i;
	return 0;
}

static int seats_ask(struct host *host, struct host_bus *bus, struct sessions *sessions)
{
	sd_bus_message *reply;
	const char *name, *path;
	int r = host_bus_call(bus, OBJECT, MANAGER, "ListSeats", &reply);
	if (r < 0)
		return r;
	r = sd_bus_message_enter_container(reply, 'a', "(so)");
	while (r > 0 && (r = sd_bus_message_read(reply, "(so)", &name, &path)) > 0) {
		if (sessions->seat_count == SEATS_MAX - 1)
			host_skip(host);
		else
			snprintf(sessions->seats[sessions->seat_count++], SEAT_BYTES, "%s", name);
	}
	sd_bus_message_unref(reply);
	sessions->seats[sessions->seat_count++][0] = '\0';
	return r < 0 ? -EBADMSG : 0;
}

/* A session may end while it is asked. */
static int session_count(struct host_bus *bus, const char *path, const char *seat, struct sessions *sessions)
{
	char type[32], class[32];
	uint64_t remote;
	size_t at = 0;
	while (at < sessions->seat_count && strcmp(seat, sessions->seats[at]) != 0)
		at++;
	if (at == sessions->seat_count)
		return 0;
	int r = host_bus_number(bus, path, SESSION, "Remote", &remote);
	if (!r)
		r = host_bus_string(bus, path, SESSION, "Type", type, sizeof(type));
	if (!r)
		r = host_bus_string(bus, path, SESSION, "Class", class, sizeof(class));
	if (!r)
		sessions->counts[at][remote != 0][word_find(type, types, HOST_COUNT_OF(types))]
				[word_find(class, classes, HOST_COUNT_OF(classes))]++;
	return r == -ETIMEDOUT ? r : 0;
}

static int sessions_ask(struct host_bus *bus, struct sessions *sessions)
{
	sd_bus_message *reply;
	const char *id, *user, *seat, *path;
	uint32_t uid;
	int r = host_bus_call(bus, OBJECT, MANAGER, "ListSessions", &reply);
	if (r < 0)
		return r;
	r = sd_bus_message_enter_container(reply, 'a', "(susso)");
	while (r > 0 && (r = sd_bus_message_read(reply, "(susso)", &id, &uid, &user, &seat, &path)) > 0) {
		const int failed = session_count(bus, path, seat, sessions);
		if (failed) {
			sd_bus_message_unref(reply);
			return failed;
		}
	}
	sd_bus_message_unref(reply);
	return r < 0 ? -EBADMSG : 0;
}

static void sessions_sample(struct host *host, const struct sessions *sessions)
{
	for (size_t seat = 0; seat < sessions->seat_count; seat++)
		for (size_t remote = 0; remote < HOST_COUNT_OF(remotes); remote++)
			for (size_t type = 0; type < HOST_COUNT_OF(types); type++)
				for (size_t class = 0; class < HOST_COUNT_OF(classes); class ++)
					host_u64(host, &sessions_family, sessions->counts[seat][remote][type][class],
						 sessions->seats[seat], remotes[remote], types[type], classes[class]);
}

static int logind_collect(struct host *host)
{
	struct sessions sessions = {.seat_count = 0};
	struct host_bus bus;
	int r = host_bus_open(host, SERVICE, NULL, &bus);
	if (r)
		return r;
	r = seats_ask(host, &bus, &sessions);
	if (!r)
		r = sessions_ask(&bus, &sessions);
	if (!r)
		sessions_sample(host, &sessions);
	host_bus_close(&bus);
	return r;
}

const struct host_ops host_logind = {.collect = logind_collect};
