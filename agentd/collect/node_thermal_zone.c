/* SPDX-License-Identifier: MIT */
/* Temperatures and cooling devices: /sys/class/thermal. Slow: sensors may be behind a bus. */
#include <string.h>

#include "host.h"

static const struct host_family temperature_family =
	HOST_GAUGE("node_thermal_zone_temp", "Zone temperature in Celsius", "zone", "type");
static const struct host_family current_family =
	HOST_GAUGE("node_cooling_device_cur_state", "Current throttle state of the cooling device", "name", "type");
static const struct host_family maximum_family =
	HOST_GAUGE("node_cooling_device_max_state", "Maximum throttle state of the cooling device", "name", "type");

#define THERMAL_PATH "class/thermal"

static int type_read(struct host *host, const char *name, char *type, size_t size)
{
	char path[HOST_PATH_MAX];
	return host_read_string(host, HOST_SYS, host_format(path, THERMAL_PATH "/%s/type", name), type, size);
}

static void zone_sample(struct host *host, const char *name, const char *number)
{
	char path[HOST_PATH_MAX], type[128];
	int64_t millidegrees;
	if (!type_read(host, name, type, sizeof(type)) &&
	    !host_read_i64(host, HOST_SYS, host_format(path, THERMAL_PATH "/%s/temp", name), &millidegrees))
		host_f64(host, &temperature_family, (double)millidegrees / 1000, number, type);
}

static void cooling_sample(struct host *host, const char *name, const char *number)
{
	char path[HOST_PATH_MAX], type[128];
	int64_t state;
	if (type_read(host, name, type, sizeof(type)))
		return;
	if (!host_read_i64(host, HOST_SYS, host_format(path, THERMAL_PATH "/%s/cur_state", name), &state))
		host_i64(host, &current_family, state, number, type);
	if (!host_read_i64(host, HOST_SYS, host_format(path, THERMAL_PATH "/%s/max_state", name), &state))
		host_i64(host, &maximum_family, state, number, type);
}

static int thermal_zone_collect(struct host *host)
{
	static const char zone[] = "thermal_zone", cooling[] = "cooling_device";
	struct host_list names;
	int r = host_list(host, 0, HOST_SYS, THERMAL_PATH, &names);
	if (r)
		return r;
	for (size_t i = 0; i < names.count; i++) {
		const char *name = names.names[i];
		if (!strncmp(name, zone, sizeof(zone) - 1))
			zone_sample(host, name, name + sizeof(zone) - 1);
		else if (!strncmp(name, cooling, sizeof(cooling) - 1))
			cooling_sample(host, name, name + sizeof(cooling) - 1);
	}
	return 0;
}

const struct host_ops host_thermal_zone = {.collect = thermal_zone_collect};
