/* SPDX-License-Identifier: MIT */
/* Sensors of the hardware: /sys/class/hwmon. Slow: reading a sensor may ask a bus. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

#define HWMON_PATH "class/hwmon"
#define CHIP_MAX 128

static const struct host_family chip_family =
	HOST_GAUGE("node_hwmon_chip_names", "Annotation metric for human-readable chip names", "chip", "chip_name");
static const struct host_family label_family =
	HOST_GAUGE("node_hwmon_sensor_label", "Label for given chip and sensor", "chip", "sensor", "label");

static const char *const sensor_types[] = {
	"vrm",  "beep_enable", "update_interval", "in",     "cpu",      "fan",      "pwm",
	"temp", "curr",        "power",           "energy", "humidity", "intrusion"};

/* How a sensor's property becomes a family; the first row that fits. "" and NULL fit every property; a property "X|Y|"
 * is one of those. The help's words are the property and the type as `words` says. */
enum help_words { WORDS_NONE, WORDS_PROPERTY, WORDS_TYPE, WORDS_BOTH_PROPERTY_FIRST, WORDS_BOTH_TYPE_FIRST };
struct rule {
	const char *type;
	const char *properties;
	const char *suffix;
	double divisor;
	enum metric_type metric;
	enum help_words words;
	const char *help;
};
static const struct rule rules[] = {
	{NULL, "fault|alarm|", "", 1, METRIC_GAUGE, WORDS_BOTH_PROPERTY_FIRST, "Hardware sensor %s status (%s)"},
	{NULL, "beep|", "_enabled", 1, METRIC_GAUGE, WORDS_NONE, "Hardware monitor sensor has beeping enabled"},
	{"beep_enable", NULL, "d", 1, METRIC_GAUGE, WORDS_NONE, "Hardware beep enabled"},
	{"update_interval", NULL, "_seconds", 1e3, METRIC_GAUGE, WORDS_NONE, "Hardware monitor update interval"},
	{"in", NULL, "_volts", 1e3, METRIC_GAUGE, WORDS_PROPERTY, "Hardware monitor for voltage (%s)"},
	{"cpu", NULL, "_volts", 1e3, METRIC_GAUGE, WORDS_PROPERTY, "Hardware monitor for voltage (%s)"},
	{"temp", "type|", "", 1, METRIC_GAUGE, WORDS_BOTH_TYPE_FIRST, "Hardware monitor %s element %s"},
	{"temp", NULL, "_celsius", 1e3, METRIC_GAUGE, WORDS_PROPERTY, "Hardware monitor for temperature (%s)"},
	{"curr", NULL, "_amps", 1e3, METRIC_GAUGE, WORDS_PROPERTY, "Hardware monitor for current (%s)"},
	{"energy", NULL, "_joule_total", 1e6, METRIC_COUNTER, WORDS_PROPERTY,
	 "Hardware monitor for joules used so far (%s)"},
	{"power", "accuracy|", "", 1e6, METRIC_GAUGE, WORDS_NONE, "Hardware monitor power meter accuracy, as a ratio"},
	{"power", "average_interval|average_interval_min|average_interval_max|", "_seconds", 1e3, METRIC_GAUGE,
	 WORDS_PROPERTY, "Hardware monitor power usage update interval (%s)"},
	{"power", NULL, "_watt", 1e6, METRIC_GAUGE, WORDS_PROPERTY, "Hardware monitor for power usage in watts (%s)"},
	{"humidity", NULL, "", 1e6, METRIC_GAUGE, WORDS_PROPERTY,
	 "Hardware monitor for humidity, as a ratio (multiply with 100.0 to get the humidity as a percentage) (%s)"},
	{"fan", "input|min|max|target|", "_rpm", 1, METRIC_GAUGE, WORDS_PROPERTY,
	 "Hardware monitor for fan revolutions per minute (%s)"},
	{NULL, NULL, "", 1, METRIC_GAUGE, WORDS_BOTH_TYPE_FIRST, "Hardware monitor %s element %s"},
};

/* A sensor's file: "temp1_crit" is the type "temp", the sensor "temp1" and the property "crit". */
struct sensor_file {
	char type[32];
	char sensor[48];
	char property[64];
};

/* Lower-case letters, digits, "_" and ":"; without "_" at both ends. In place. */
static void name_clean(char *name)
{
	size_t len = 0;
	for (char *at = name; *at; at++) {
		char c = *at >= 'A' && *at <= 'Z' ? (char)(*at | 0x20) : *at;
		bool valid = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == ':';
		if (len || (valid && c != '_'))
			name[len++] = valid ? c : '_';
	}
	while (len && name[len - 1] == '_')
		len--;
	name[len] = '\0';
}

static bool file_parse(const char *name, struct sensor_file *file)
{
	size_t type_len = strcspn(name, "0123456789");
	size_t sensor_len = type_len + strspn(name + type_len, "0123456789");
	const char *rest = name + sensor_len;
	if (type_len >= sizeof(file->type) || sensor_len >= sizeof(file->sensor) || (*rest && *rest != '_') ||
	    (*rest && !rest[1]) || strlen(rest) > sizeof(file->property))
		return false;
	memcpy(file->type, name, type_len);
	file->type[type_len] = '\0';
	memcpy(file->sensor, name, sensor_len);
	file->sensor[sensor_len] = '\0';
	strcpy(file->property, *rest ? rest + 1 : "");
	for (size_t i = 0; i < HOST_COUNT_OF(sensor_types); i++)
		if (!strcmp(file->type, sensor_types[i]))
			return true;
	return false;
}

static bool rule_fits(const struct rule *rule, const struct sensor_file *file)
{
	if (rule->type && strcmp(rule->type, file->type) != 0)
		return false;
	size_t len = strlen(file->property);
	for (const char *word = rule->properties; word && *word; word = strchr(word, '|') + 1)
		if (!strncmp(word, file->property, len) && word[len] == '|')
			return true;
	return !rule->properties;
}

/* `bare`: there is also a file without a property, so that "input" is not the sensor's value itself. */
static void value_sample(struct host *host, const char *chip, const struct sensor_file *file, bool bare, double value)
{
	const struct rule *rule = rules;
	char name[160], property[64];
	while (!rule_fits(rule, file))
		rule++;
	strcpy(property, file->property);
	name_clean(property);
	bool plain = !*property || (!strcmp(property, "input") && !bare);
	host_format(name, "node_hwmon_%s%s%s%s", file->type, plain ? "" : "_", plain ? "" : property, rule->suffix);
	const char *told = *file->property || strcmp(file->type, "temp") != 0 ? file->property : "input";
	struct host_family family = {
		.name = name, .help = rule->help, .type = rule->metric, .labels = {"chip", "sensor"}};
	switch (rule->words) {
	case WORDS_NONE:
		break;
	case WORDS_PROPERTY:
		family.help_words[0] = told;
		break;
	case WORDS_TYPE:
		family.help_words[0] = file->type;
		break;
	case WORDS_BOTH_PROPERTY_FIRST:
		family.help_words[0] = told;
		family.help_words[1] = file->type;
		break;
	case WORDS_BOTH_TYPE_FIRST:
		family.help_words[0] = file->type;
		family.help_words[1] = told;
		break;
	}
	host_f64(host, &family, value / rule->divisor, chip, file->sensor);
}

static bool list_has(const struct host_list *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (!strcmp(names->names[i], name))
			return true;
	return false;
}

static void file_sample(struct host *host, const char *directory, const char *name, const char *chip,
			const struct host_list *names)
{
	struct sensor_file file;
	struct text text, line;
	char path[HOST_PATH_MAX];
	double value;
	if (!file_parse(name, &file) || host_read(host, HOST_SYS, host_format(path, "%s/%s", directory, name), &text) ||
	    !text_line(&text, &line))
		return; /* many sensors refuse to be read now and then */
	if (!strcmp(file.property, "label")) {
		if (*line.at)
			host_u64(host, &label_family, 1, chip, file.sensor, line.at);
		return;
	}
	if (text_f64(&line, &value))
		value_sample(host, chip, &file, !strcmp(file.property, "input") && list_has(names, file.sensor), value);
}

static void directory_sample(struct host *host, const char *directory, const char *chip)
{
	struct host_list names;
	if (host_list(host, 1, HOST_SYS, directory, &names))
		return;
	for (size_t i = 0; i < names.count; i++)
		file_sample(host, directory, names.names[i], chip, &names);
}

/* A chip's name must be the same after a reboot, which "hwmon3" is not: type and name of its device, else the name that
 * its driver gives it. */
static void chip_name(struct host *host, const char *directory, const char *name, char *chip)
{
	char path[HOST_PATH_MAX], full[PATH_MAX], real[PATH_MAX];
	host_format(path, "%s/device", directory);
	if (!host_path(host, HOST_SYS, path, full, sizeof(full)) && realpath(full, real)) {
		char *device = strrchr(real, '/');
		*device++ = '\0';
		char *type = strrchr(real, '/');
		type = type ? type + 1 : real;
		name_clean(device);
		name_clean(type);
		snprintf(chip, CHIP_MAX, "%.60s%s%.60s", type, *type && *device ? "_" : "", device);
		if (*device)
			return;
	}
	host_format(path, "%s/name", directory);
	if (!host_read_string(host, HOST_SYS, path, chip, CHIP_MAX)) {
		name_clean(chip);
		if (*chip)
			return;
	}
	snprintf(chip, CHIP_MAX, "%s", name);
	name_clean(chip);
}

static void chip_sample(struct host *host, const char *name)
{
	char directory[HOST_PATH_MAX], path[HOST_PATH_MAX + 16], chip[CHIP_MAX], human[CHIP_MAX];
	host_format(directory, HWMON_PATH "/%s", name);
	chip_name(host, directory, name, chip);
	directory_sample(host, directory, chip);
	/* Older drivers have their files with the device. */
	directory_sample(host, host_format(path, "%s/device", directory), chip);
	if (host_read_string(host, HOST_SYS, host_format(path, "%s/name", directory), human, sizeof(human)))
		return;
	name_clean(human);
	if (*human)
		host_u64(host, &chip_family, 1, chip, human);
}

static int hwmon_collect(struct host *host)
{
	struct host_list chips;
	int r = host_list(host, 0, HOST_SYS, HWMON_PATH, &chips);
	if (r)
		return r;
	for (size_t i = 0; i < chips.count; i++)
		chip_sample(host, chips.names[i]);
	return chips.count ? 0 : -ENODATA;
}

const struct host_ops host_hwmon = {.collect = hwmon_collect};
