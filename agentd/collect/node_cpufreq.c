/* SPDX-License-Identifier: MIT */
/* CPU frequencies: /sys/devices/system/cpu/cpuN/cpufreq. Slow: some drivers ask the hardware, 20 ms for each CPU. */
#include <string.h>

#include "host.h"

struct file {
	const char *name;
	struct host_family family;
};
static const struct file files[] = {
	{"cpuinfo_cur_freq", HOST_GAUGE("node_cpu_frequency_hertz", "Current CPU thread frequency in hertz.", "cpu")},
	{"cpuinfo_min_freq",
	 HOST_GAUGE("node_cpu_frequency_min_hertz", "Minimum CPU thread frequency in hertz.", "cpu")},
	{"cpuinfo_max_freq",
	 HOST_GAUGE("node_cpu_frequency_max_hertz", "Maximum CPU thread frequency in hertz.", "cpu")},
	{"scaling_cur_freq",
	 HOST_GAUGE("node_cpu_scaling_frequency_hertz", "Current scaled CPU thread frequency in hertz.", "cpu")},
	{"scaling_min_freq",
	 HOST_GAUGE("node_cpu_scaling_frequency_min_hertz", "Minimum scaled CPU thread frequency in hertz.", "cpu")},
	{"scaling_max_freq",
	 HOST_GAUGE("node_cpu_scaling_frequency_max_hertz", "Maximum scaled CPU thread frequency in hertz.", "cpu")},
};

static void cpu_sample(struct host *host, const char *cpu)
{
	char path[HOST_PATH_MAX];
	uint64_t khz;
	for (size_t i = 0; i < HOST_COUNT_OF(files); i++) {
		if (host_read_u64(host, HOST_SYS,
				  host_format(path, "devices/system/cpu/cpu%s/cpufreq/%s", cpu, files[i].name), &khz))
			continue;
		host_f64(host, &files[i].family, (double)khz * 1000, cpu);
	}
}

static int cpufreq_collect(struct host *host)
{
	struct host_list cpus;
	int r = host_list(host, 0, HOST_SYS, "devices/system/cpu", &cpus);
	if (r)
		return r;
	for (size_t i = 0; i < cpus.count; i++)
		if (!strncmp(cpus.names[i], "cpu", 3) && cpus.names[i][3] >= '0' && cpus.names[i][3] <= '9')
			cpu_sample(host, cpus.names[i] + 3);
	return 0;
}

const struct host_ops host_cpufreq = {.collect = cpufreq_collect};
