/* SPDX-License-Identifier: MIT */
/* Units of systemd, by D-Bus. Slow: systemd has to answer, and is busy at times.
 *
 * One question lists all units with their states. What else is told of a unit is a question each; the types of
 * services, which node_exporter asks for in every scrape, are remembered for a while. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_bus.h"
#include "host_hash.h"

#define SERVICE "org.freedesktop.systemd1"
#define OBJECT "/org/freedesktop/systemd1"
#define MANAGER SERVICE ".Manager"
#define PRIVATE_PATH "run/systemd/private"

#define SYSTEMD(type, name, help, ...) HOST_##type("node_systemd_" name, help, ##__VA_ARGS__)
static const struct host_family state_family = SYSTEMD(GAUGE, "unit_state", "Systemd unit", "name", "state", "type");
static const struct host_family start_family =
	SYSTEMD(GAUGE, "unit_start_time_seconds", "Start time of the unit since unix epoch in seconds.", "name");
static const struct host_family tasks_family =
	SYSTEMD(GAUGE, "unit_tasks_current", "Current number of tasks per Systemd unit", "name");
static const struct host_family tasks_max_family =
	SYSTEMD(GAUGE, "unit_tasks_max", "Maximum number of tasks per Systemd unit", "name");
static const struct host_family running_family =
	SYSTEMD(GAUGE, "system_running", "Whether the system is operational (see 'systemctl is-system-running')");
static const struct host_family units_family = SYSTEMD(GAUGE, "units", "Summary of systemd unit states", "state");
static const struct host_family restarts_family =
	SYSTEMD(COUNTER, "service_restart_total", "Service unit count of Restart triggers", "name");
static const struct host_family trigger_family =
	SYSTEMD(GAUGE, "timer_last_trigger_seconds", "Seconds since epoch of last trigger.", "name");
static const struct host_family accepted_family =
	SYSTEMD(COUNTER, "socket_accepted_connections_total", "Total number of accepted socket connections", "name");
static const struct host_family connections_family =
	SYSTEMD(GAUGE, "socket_current_connections", "Current number of socket connections", "name");
static const struct host_family refused_family =
	SYSTEMD(GAUGE, "socket_refused_connections_total", "Total number of refused socket connections", "name");
static const struct host_family version_family = SYSTEMD(GAUGE, "version", "Detected systemd version", "version");
static const struct host_family virtualization_family =
	SYSTEMD(GAUGE, "virtualization_info", "Detected virtualization technology", "virtualization_type");

/* States that are always told, and others as they come. */
static const char *const states[] = {"active", "activating", "deactivating", "inactive", "failed"};
#define SUMMARY_MAX 16u
#define STATE_BYTES 32u

/* The type of a service or mount, by a hash of its name. */
struct unit_type {
	uint64_t key;   /* 0: none */
	uint32_t asked; /* the collection in which it was */
	char type[20];
};
#define TYPE_SLOTS 1024u
#define TYPE_WAYS 4u
#define TYPE_AGE_MAX 64u

struct systemd_state {
	struct host_pattern *include;
	struct host_pattern *exclude;
	uint64_t seed;
	uint32_t collection;
	struct unit_type types[TYPE_SLOTS];
};

struct unit {
	const char *name, *load_state, *active_state, *path;
};

struct summary {
	char states[SUMMARY_MAX][STATE_BYTES];
	uint64_t counts[SUMMARY_MAX];
	size_t count;
};

/* ---- what systemd says of itself -------------------------------------------------------------------------------- */

/* "252.39-1~deb12u2" is 252.39: the first number of three digits or more. */
static double version_number(const char *version)
{
	for (const char *at = version; *at; at++) {
		const size_t digits = strspn(at, "0123456789");
		char number[32];
		if (digits < 3) {
			at += digits ? digits - 1 : 0;
			continue;
		}
		const size_t fraction = at[digits] == '.' ? strspn(at + digits + 1, "0123456789") : 0;
		host_format(number, "%.*s", (int)(digits + (fraction ? fraction + 1 : 0)), at);
		return strtod(number, NULL);
	}
	return 0;
}

static int manager_sample(struct host *host, struct host_bus *bus)
{
	char string[128];
	int r = host_bus_string(bus, OBJECT, MANAGER, "Version", string, sizeof(string));
	if (r)
		return r; /* every systemd has a version: it is not there, or too slow */
	double version = version_number(string);
	host_f64(host, &version_family, version, version > 0 ? string : "");
	r = host_bus_string(bus, OBJECT, MANAGER, "Virtualization", string, sizeof(string));
	host_u64(host, &virtualization_family, 1, r ? "unknown" : *string ? string : "none");
	r = host_bus_string(bus, OBJECT, MANAGER, "SystemState", string, sizeof(string));
	if (!r)
		host_u64(host, &running_family, !strcmp(string, "running"));
	return r == -ETIMEDOUT ? r : 0;
}

/* ---- units ------------------------------------------------------------------------------------------------------ */

static bool name_ends(const char *name, const char *suffix)
{
	const size_t len = strlen(name), suffix_len = strlen(suffix);
	return len > suffix_len && !strcmp(name + len - suffix_len, suffix);
}

/* Where the type is remembered, or is to be: the oldest of its set is given up for it. */
static struct unit_type *type_slot(struct systemd_state *state, const char *name)
{
	const uint64_t key = host_hash_add(state->seed, name) | 1;
	struct unit_type *set = &state->types[(key >> 32) % (TYPE_SLOTS / TYPE_WAYS) * TYPE_WAYS], *oldest = set;
	for (size_t i = 0; i < TYPE_WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (!set[i].key || (oldest->key && set[i].asked < oldest->asked))
			oldest = &set[i];
	}
	*oldest = (struct unit_type){.key = key, .asked = state->collection - TYPE_AGE_MAX - 1};
	return oldest;
}

/* "" for units that have no type. */
static const char *type_ask(struct systemd_state *state, struct host_bus *bus, const struct unit *unit)
{
	const bool service = name_ends(unit->name, ".service");
	if (!service && !name_ends(unit->name, ".mount"))
		return "";
	struct unit_type *slot = type_slot(state, unit->name);
	if (state->collection - slot->asked <= TYPE_AGE_MAX)
		return slot->type;
	if (!host_bus_string(bus, unit->path, service ? SERVICE ".Service" : SERVICE ".Mount", "Type", slot->type,
			     sizeof(slot->type)))
		slot->asked = state->collection;
	return slot->type;
}

static void state_sample(struct host *host, struct host_bus *bus, const struct unit *unit)
{
	const char *type = type_ask(host->state, bus, unit);
	for (size_t i = 0; i < HOST_COUNT_OF(states); i++)
		host_u64(host, &state_family, !strcmp(unit->active_state, states[i]), unit->name, states[i], type);
}

/* A property of an interface that some units have. */
static void number_sample(struct host *host, struct host_bus *bus, const struct unit *unit, const char *interface,
			  const char *property, const struct host_family *family, double divisor)
{
	uint64_t value;
	if (host_bus_number(bus, unit->path, interface, property, &value) || value == UINT64_MAX)
		return; /* older versions have fewer properties; the greatest number is "not counted", "no limit" */
	if (divisor > 1)
		host_f64(host, family, (double)value / divisor, unit->name);
	else
		host_u64(host, family, value, unit->name);
}

static void service_sample(struct host *host, struct host_bus *bus, const struct unit *unit)
{
	static const char interface[] = SERVICE ".Service";
	if (host->options->systemd_enable_restarts_metrics)
		number_sample(host, bus, unit, interface, "NRestarts", &restarts_family, 1);
	if (!host->options->systemd_enable_task_metrics)
		return;
	number_sample(host, bus, unit, interface, "TasksCurrent", &tasks_family, 1);
	number_sample(host, bus, unit, interface, "TasksMax", &tasks_max_family, 1);
}

static void unit_sample(struct host *host, struct host_bus *bus, const struct unit *unit)
{
	state_sample(host, bus, unit);
	if (host->options->systemd_enable_start_time_metrics && !strcmp(unit->active_state, "active"))
		number_sample(host, bus, unit, SERVICE ".Unit", "ActiveEnterTimestamp", &start_family, 1e6);
	else if (host->options->systemd_enable_start_time_metrics)
		host_u64(host, &start_family, 0, unit->name);
	if (name_ends(unit->name, ".service")) {
		service_sample(host, bus, unit);
	} else if (name_ends(unit->name, ".timer")) {
		number_sample(host, bus, unit, SERVICE ".Timer", "LastTriggerUSec", &trigger_family, 1e6);
	} else if (name_ends(unit->name, ".socket")) {
		number_sample(host, bus, unit, SERVICE ".Socket", "NAccepted", &accepted_family, 1);
		number_sample(host, bus, unit, SERVICE ".Socket", "NConnections", &connections_family, 1);
		number_sample(host, bus, unit, SERVICE ".Socket", "NRefused", &refused_family, 1);
	}
}

static void summary_count(struct host *host, struct summary *summary, const char *state)
{
	size_t at = 0;
	while (at < summary->count && strcmp(summary->states[at], state) != 0)
		at++;
	if (at == SUMMARY_MAX) {
		host_skip(host);
		return;
	}
	if (at == summary->count)
		snprintf(summary->states[summary->count++], STATE_BYTES, "%s", state);
	summary->counts[at]++;
}

static bool unit_wanted(const struct systemd_state *state, const struct unit *unit)
{
	return !strcmp(unit->load_state, "loaded") && host_pattern_match(state->include, unit->name) &&
	       !host_pattern_match(state->exclude, unit->name);
}

static int units_sample(struct host *host, struct host_bus *bus)
{
	struct summary summary = {.count = HOST_COUNT_OF(states)};
	sd_bus_message *reply;
	struct unit unit;
	int r = host_bus_call(bus, OBJECT, MANAGER, "ListUnits", &reply);
	if (r < 0)
		return r;
	for (size_t i = 0; i < HOST_COUNT_OF(states); i++)
		strcpy(summary.states[i], states[i]);
	r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
	while (r > 0 && (r = sd_bus_message_read(reply, "(ssssssouso)", &unit.name, NULL, &unit.load_state,
						 &unit.active_state, NULL, NULL, &unit.path, NULL, NULL, NULL)) > 0) {
		summary_count(host, &summary, unit.active_state);
		if (unit_wanted(host->state, &unit))
			unit_sample(host, bus, &unit);
	}
	sd_bus_message_unref(reply);
	for (size_t i = 0; i < summary.count; i++)
		host_u64(host, &units_family, summary.counts[i], summary.states[i]);
	return r < 0 ? -EBADMSG : 0;
}

/* ---- the collector ---------------------------------------------------------------------------------------------- */

static int systemd_collect(struct host *host)
{
	struct systemd_state *state = host->state;
	struct host_bus bus;
	int r = host_bus_open(host, SERVICE, PRIVATE_PATH, &bus);
	if (r)
		return r;
	state->collection++;
	r = manager_sample(host, &bus);
	if (!r)
		r = units_sample(host, &bus);
	if (!r && host_bus_expired(&bus))
		r = -ETIMEDOUT; /* some units lack what was asked too late */
	host_bus_close(&bus);
	return r;
}

/* node_exporter's patterns must match the whole name. */
static int pattern_whole(const char *expression, struct host_pattern **pattern)
{
	char why[256], *whole;
	if (asprintf(&whole, "^(?:%s)$", expression) < 0)
		return -ENOMEM;
	int r = host_pattern_new(whole, pattern, why, sizeof(why));
	free(whole);
	return r;
}

static void systemd_close(struct host *host)
{
	struct systemd_state *state = host->state;
	host_pattern_free(state->include);
	host_pattern_free(state->exclude);
	free(state);
}

static int systemd_open(struct host *host)
{
	struct systemd_state *state = calloc(1, sizeof(*state));
	if (!state)
		return -ENOMEM;
	host->state = state;
	state->seed = host_hash_seed();
	state->collection = TYPE_AGE_MAX + 1;
	int r = pattern_whole(host->options->systemd_unit_include, &state->include);
	if (!r)
		r = pattern_whole(host->options->systemd_unit_exclude, &state->exclude);
	if (r)
		systemd_close(host);
	return r;
}

const struct host_ops host_systemd = {.collect = systemd_collect, .open = systemd_open, .close = systemd_close};
