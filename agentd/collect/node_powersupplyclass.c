/* SPDX-License-Identifier: MIT */
/* Batteries, mains, chargers: /sys/class/power_supply. Slow: the firmware is asked. */
#include <stdio.h>
#include <string.h>

#include "host_numbers.h"

#define POWER_SUPPLY_PATH "class/power_supply"
#define MICRO 1e6
#define TENTHS 10

#define PROPERTY(file, name, divisor)                                                                                  \
	{                                                                                                              \
		file,                                                                                                  \
			HOST_GAUGE("node_power_supply_" name,                                                          \
				   name " value of /sys/class/power_supply/<power_supply>.", "power_supply"),          \
			divisor                                                                                        \
	}
static const struct host_number numbers[] = {
	PROPERTY("authentic", "authentic", 0),
	PROPERTY("calibrate", "calibrate", 0),
	PROPERTY("capacity", "capacity", 0),
	PROPERTY("capacity_alert_max", "capacity_alert_max", 0),
	PROPERTY("capacity_alert_min", "capacity_alert_min", 0),
	PROPERTY("charge_control_limit", "charge_control_limit", MICRO),
	PROPERTY("charge_control_limit_max", "charge_control_limit_max", MICRO),
	PROPERTY("charge_counter", "charge_counter", MICRO),
	PROPERTY("charge_empty", "charge_empty", MICRO),
	PROPERTY("charge_empty_design", "charge_empty_design", MICRO),
	PROPERTY("charge_full", "charge_full", MICRO),
	PROPERTY("charge_full_design", "charge_full_design", MICRO),
	PROPERTY("charge_now", "charge_ampere", MICRO),
	PROPERTY("charge_term_current", "charge_term_current", MICRO),
	PROPERTY("constant_charge_current", "constant_charge_current", MICRO),
	PROPERTY("constant_charge_current_max", "constant_charge_current_max", MICRO),
	PROPERTY("constant_charge_voltage", "constant_charge_voltage", MICRO),
	PROPERTY("constant_charge_voltage_max", "constant_charge_voltage_max", MICRO),
	PROPERTY("current_boot", "current_boot", MICRO),
	PROPERTY("current_max", "current_max", MICRO),
	PROPERTY("current_now", "current_ampere", MICRO),
	PROPERTY("cycle_count", "cyclecount", 0),
	PROPERTY("energy_empty", "energy_empty", MICRO),
	PROPERTY("energy_empty_design", "energy_empty_design", MICRO),
	PROPERTY("energy_full", "energy_full", MICRO),
	PROPERTY("energy_full_design", "energy_full_design", MICRO),
	PROPERTY("energy_now", "energy_watthour", MICRO),
	PROPERTY("input_current_limit", "input_current_limit", MICRO),
	PROPERTY("online", "online", 0),
	PROPERTY("power_now", "power_watt", MICRO),
	PROPERTY("precharge_current", "precharge_current", MICRO),
	PROPERTY("present", "present", 0),
	PROPERTY("temp", "temp_celsius", TENTHS),
	PROPERTY("temp_alert_max", "temp_alert_max_celsius", TENTHS),
	PROPERTY("temp_alert_min", "temp_alert_min_celsius", TENTHS),
	PROPERTY("temp_ambient", "temp_ambient_celsius", TENTHS),
	PROPERTY("temp_ambient_max", "temp_ambient_max_celsius", TENTHS),
	PROPERTY("temp_ambient_min", "temp_ambient_min_celsius", TENTHS),
	PROPERTY("temp_max", "temp_max_celsius", TENTHS),
	PROPERTY("temp_min", "temp_min_celsius", TENTHS),
	PROPERTY("time_to_empty_now", "time_to_empty_seconds", 0),
	PROPERTY("time_to_full_now", "time_to_full_seconds", 0),
	PROPERTY("voltage_boot", "voltage_boot", MICRO),
	PROPERTY("voltage_max", "voltage_max", MICRO),
	PROPERTY("voltage_max_design", "voltage_max_design", MICRO),
	PROPERTY("voltage_min", "voltage_min", MICRO),
	PROPERTY("voltage_min_design", "voltage_min_design", MICRO),
	PROPERTY("voltage_now", "voltage_volt", MICRO),
	PROPERTY("voltage_ocv", "voltage_ocv", MICRO),
};

/* Labels of the info, as far as the supply has them. */
static const char *const properties[] = {"capacity_level", "charge_type", "health",        "manufacturer",
					 "model_name",     "scope",       "serial_number", "status",
					 "technology",     "type",        "usb_type"};
#define PROPERTY_BYTES 128

static void info_sample(struct host *host, const char *supply)
{
	struct host_family family =
		HOST_GAUGE("node_power_supply_info", "info of /sys/class/power_supply/<power_supply>.", "power_supply");
	char path[HOST_PATH_MAX], strings[HOST_COUNT_OF(properties)][PROPERTY_BYTES];
	const char *values[HOST_COUNT_OF(properties) + 1] = {supply};
	size_t count = 1;
	for (size_t i = 0; i < HOST_COUNT_OF(properties); i++) {
		host_format(path, POWER_SUPPLY_PATH "/%s/%s", supply, properties[i]);
		if (host_read_string(host, HOST_SYS, path, strings[i], PROPERTY_BYTES) || !strings[i][0])
			continue;
		family.labels[count] = properties[i];
		values[count++] = strings[i];
	}
	host_sample(host, &family, values, (struct number){.type = NUMBER_U64, .u64 = 1});
}

static int powersupplyclass_open(struct host *host)
{
	return host_filter_open(host, "", host->options->powersupply_ignored_supplies);
}

static int powersupplyclass_collect(struct host *host)
{
	char directory[HOST_PATH_MAX];
	struct host_list supplies;
	int r = host_list(host, 0, HOST_SYS, POWER_SUPPLY_PATH, &supplies);
	if (r)
		return r;
	for (size_t i = 0; i < supplies.count; i++) {
		const char *supply = supplies.names[i];
		if (!host_filter_takes(host->state, supply))
			continue;
		host_numbers_sample(host, HOST_SYS, host_format(directory, POWER_SUPPLY_PATH "/%s", supply), numbers,
				    HOST_COUNT_OF(numbers), HOST_VALUES(supply));
		info_sample(host, supply);
	}
	return 0;
}

const struct host_ops host_powersupplyclass = {
	.collect = powersupplyclass_collect, .open = powersupplyclass_open, .close = host_filter_close};
