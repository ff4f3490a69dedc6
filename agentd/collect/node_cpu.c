/* SPDX-License-Identifier: MIT */
/* Time per CPU and mode: the CPU lines of /proc/stat; which CPUs are isolated; thermal throttling. What the CPUs are is
 * told by node_cpu_info.c. */
#include <stdlib.h>
#include <string.h>

#include "host_absent.h"
#include "node_cpu_info.h"

#define SYSTEM_PATH "devices/system/cpu"
#define TICKS_PER_SECOND 100.0 /* USER_HZ: the kernel converts to it, whatever its own tick is */
#define CPUS_MAX 65536u
#define IDLE_BACKWARDS_TICKS 300u

enum { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, GUEST, GUEST_NICE, MODE_COUNT };
static const char *const mode_names[GUEST] = {"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"};

static const struct host_family seconds_family =
	HOST_COUNTER("node_cpu_seconds_total", "Seconds the CPUs spent in each mode.", "cpu", "mode");
static const struct host_family guest_family = HOST_COUNTER(
	"node_cpu_guest_seconds_total", "Seconds the CPUs spent in guests (VMs) for each mode.", "cpu", "mode");
static const struct host_family isolated_family =
	HOST_GAUGE("node_cpu_isolated",
		   "Whether each core is isolated, information from /sys/devices/system/cpu/isolated.", "cpu");
static const struct host_family core_throttles_family = HOST_COUNTER(
	"node_cpu_core_throttles_total", "Number of times this CPU core has been throttled.", "package", "core");
static const struct host_family package_throttles_family = HOST_COUNTER(
	"node_cpu_package_throttles_total", "Number of times this CPU package has been throttled.", "package");

struct cpu_state {
	uint64_t (*ticks)[MODE_COUNT]; /* the greatest seen, by the number of the CPU */
	size_t cpu_count;
	struct absence throttles;
	struct cpu_info info;
};

static int cpu_open(struct host *host)
{
	struct cpu_state *state = calloc(1, sizeof(*state));
	if (!state)
		return -ENOMEM;
	int r = cpu_info_init(&state->info, host->options);
	if (r)
		free(state);
	else
		host->state = state;
	return r;
}

static void cpu_close(struct host *host)
{
	struct cpu_state *state = host->state;
	cpu_info_fini(&state->info);
	free(state->ticks);
	free(state);
}

static uint64_t *cpu_ticks(struct cpu_state *state, uint64_t cpu)
{
	if (cpu >= CPUS_MAX)
		return NULL;
	if (cpu >= state->cpu_count) {
		size_t count = cpu + cpu / 2 + 8;
		uint64_t(*ticks)[MODE_COUNT] = reallocarray(state->ticks, count, sizeof(*ticks));
		if (!ticks)
			return NULL;
		memset(ticks + state->cpu_count, 0, (count - state->cpu_count) * sizeof(*ticks));
		state->ticks = ticks;
		state->cpu_count = count;
	}
	return state->ticks[cpu];
}

/* The kernel lets idle and iowait go back by a little, and by all when a CPU comes back: the first must not look like a
 * restart to whoever takes rates, the second is one. */
static void ticks_update(uint64_t *known, const uint64_t *read)
{
	if (read[IDLE] + IDLE_BACKWARDS_TICKS < known[IDLE])
		memset(known, 0, MODE_COUNT * sizeof(*known));
	for (size_t i = 0; i < MODE_COUNT; i++)
		if (read[i] > known[i])
			known[i] = read[i];
}

static void line_sample(struct host *host, struct text *line)
{
	uint64_t read[MODE_COUNT] = {0}, number;
	const char *cpu = text_word(line);
	size_t count = 0;
	while (cpu && count < MODE_COUNT && text_u64(line, &read[count]))
		count++;
	uint64_t *known = count > IDLE && word_u64(cpu, &number) ? cpu_ticks(host->state, number) : NULL;
	if (!known) {
		host_skip(host);
		return;
	}
	ticks_update(known, read);
	for (size_t i = 0; i < GUEST; i++)
		host_f64(host, &seconds_family, (double)known[i] / TICKS_PER_SECOND, cpu, mode_names[i]);
	if (host->options->cpu_guest) {
		host_f64(host, &guest_family, (double)known[GUEST] / TICKS_PER_SECOND, cpu, "user");
		host_f64(host, &guest_family, (double)known[GUEST_NICE] / TICKS_PER_SECOND, cpu, "nice");
	}
}

/* "1,3-5" */
static void isolated_sample(struct host *host)
{
	char list[4096], cpu[24];
	if (host_read_string(host, HOST_SYS, SYSTEM_PATH "/isolated", list, sizeof(list)))
		return;
	struct text text = {list, list + strlen(list)};
	uint64_t from, to;
	while (text_u64(&text, &from)) {
		to = from;
		if ((text_take(&text, "-") && !text_u64(&text, &to)) || to < from || to >= CPUS_MAX) {
			host_skip(host);
			return;
		}
		for (; from <= to; from++)
			host_u64(host, &isolated_family, 1, host_format(cpu, "%llu", (unsigned long long)from));
		if (!text_take(&text, ","))
			return;
	}
}

/* Several CPUs share a core, many a package; they tell the same number, and of equal samples the greatest counts. */
static bool throttles_sample(struct host *host, const char *cpu)
{
	char path[HOST_PATH_MAX], package[24], core[24];
	uint64_t count;
	/* First the count: most machines have none, and then nothing else needs to be opened. */
	if (host_read_u64(host, HOST_SYS,
			  host_format(path, SYSTEM_PATH "/%s/thermal_throttle/core_throttle_count", cpu), &count) ||
	    host_read_string(host, HOST_SYS, host_format(path, SYSTEM_PATH "/%s/topology/physical_package_id", cpu),
			     package, sizeof(package)) ||
	    host_read_string(host, HOST_SYS, host_format(path, SYSTEM_PATH "/%s/topology/core_id", cpu), core,
			     sizeof(core)))
		return false;
	host_u64(host, &core_throttles_family, count, package, core);
	if (!host_read_u64(host, HOST_SYS,
			   host_format(path, SYSTEM_PATH "/%s/thermal_throttle/package_throttle_count", cpu), &count))
		host_u64(host, &package_throttles_family, count, package);
	return true;
}

static void topology_sample(struct host *host)
{
	struct cpu_state *state = host->state;
	struct host_list names;
	size_t told = 0;
	if (!absence_look_due(&state->throttles) || host_list(host, 0, HOST_SYS, SYSTEM_PATH, &names))
		return;
	for (size_t i = 0; i < names.count; i++)
		if (!strncmp(names.names[i], "cpu", 3) && names.names[i][3] >= '0' && names.names[i][3] <= '9')
			told += throttles_sample(host, names.names[i]);
	absence_note(&state->throttles, 0, told);
}

static int cpu_collect(struct host *host)
{
	struct text text, line;
	const struct cpu_state *state = host->state;
	cpu_info_sample(host, &state->info);
	isolated_sample(host);
	topology_sample(host);
	int r = host_read(host, HOST_PROC, "stat", &text);
	if (r)
		return r;
	while (text_line(&text, &line) && text_take(&line, "cpu"))
		if (line.at < line.end && *line.at != ' ') /* the first line is the sum of all */
			line_sample(host, &line);
	return 0;
}

const struct host_ops host_cpu = {.collect = cpu_collect, .open = cpu_open, .close = cpu_close};
