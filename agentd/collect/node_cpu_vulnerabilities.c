/* SPDX-License-Identifier: MIT */
/* What the kernel says of the CPUs' vulnerabilities: /sys/devices/system/cpu/vulnerabilities. */
#include <string.h>

#include "host.h"

#define VULNERABILITIES_PATH "devices/system/cpu/vulnerabilities"

static const struct host_family info_family =
	HOST_GAUGE("node_cpu_vulnerabilities_info",
		   "Details of each CPU vulnerability reported by sysfs. The value of the series is an int encoded "
		   "state of the vulnerability. The same state is stored as a string in the label",
		   "codename", "state", "mitigation");

/* How a text begins, and the state that this means. */
struct beginning {
	const char *text;
	const char *state;
};
static const struct beginning beginnings[] = {
	{"Not affected", "not affected"},
	{"Vulnerable", "vulnerable"},
	{"Mitigation", "mitigation"},
};

/* "Mitigation: PTE Inversion", "Vulnerable: No microcode", "KVM: Mitigation: VMX disabled". What begins in another way
 * is told as it is: a state that nobody knows yet must not hide. */
static void text_sample(struct host *host, const char *name, const char *text)
{
	const char *rest = strncmp(text, "KVM: ", 5) ? text : text + 5;
	for (size_t i = 0; i < HOST_COUNT_OF(beginnings); i++) {
		size_t len = strlen(beginnings[i].text);
		if (strncmp(rest, beginnings[i].text, len) != 0)
			continue;
		rest += len;
		rest += strncmp(rest, ": ", 2) ? 0 : 2;
		host_u64(host, &info_family, 1, name, beginnings[i].state, rest);
		return;
	}
	host_u64(host, &info_family, 1, name, "unknown", text);
}

static int cpu_vulnerabilities_collect(struct host *host)
{
	struct host_list names;
	char path[HOST_PATH_MAX], text[512];
	int r = host_list(host, 0, HOST_SYS, VULNERABILITIES_PATH, &names);
	if (r)
		return r;
	for (size_t i = 0; i < names.count; i++) {
		host_format(path, VULNERABILITIES_PATH "/%s", names.names[i]);
		if (host_read_string(host, HOST_SYS, path, text, sizeof(text)))
			host_skip(host);
		else
			text_sample(host, names.names[i], text);
	}
	return 0;
}

const struct host_ops host_cpu_vulnerabilities = {.collect = cpu_vulnerabilities_collect};
