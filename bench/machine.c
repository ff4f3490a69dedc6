/* SPDX-License-Identifier: MIT */
/* Facts about the machine that figures depend on. */
#include "machine.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

/* The text behind the colon of the first "model name" line; other architectures have no such line. */
static void processor_read(char *text, size_t size)
{
	snprintf(text, size, "unknown");
	FILE *file = fopen("/proc/cpuinfo", "re");
	if (!file)
		return;
	char line[256];
	while (fgets(line, sizeof(line), file)) {
		char *colon = strchr(line, ':');
		if (!colon || strncmp(line, "model name", 10))
			continue;
		line[strcspn(line, "\n")] = 0;
		snprintf(text, size, "%s", colon + 1 + strspn(colon + 1, " \t"));
		break;
	}
	fclose(file);
}

static void kernel_read(struct machine *machine)
{
	struct utsname name;
	if (uname(&name))
		snprintf(machine->kernel, sizeof(machine->kernel), "unknown");
	else
		snprintf(machine->kernel, sizeof(machine->kernel), "%s %s %s", name.sysname, name.release,
			 name.machine);
}

/* The cores as they were before any thread was bound: later threads inherit the binding of their maker, not this. */
static const cpu_set_t *cores_allowed(void)
{
	static cpu_set_t cores;
	if (!CPU_COUNT(&cores) && sched_getaffinity(0, sizeof(cores), &cores))
		CPU_SET(0, &cores);
	return &cores;
}

const struct machine *machine_facts(void)
{
	static struct machine machine;
	if (machine.compiler)
		return &machine;
	processor_read(machine.processor, sizeof(machine.processor));
	kernel_read(&machine);
	machine.compiler = COMPILER;
	machine.cores = (unsigned)CPU_COUNT(cores_allowed());
	if (getloadavg(&machine.load, 1) != 1)
		machine.load = -1;
	return &machine;
}

bool machine_pin(unsigned index)
{
	const cpu_set_t *cores = cores_allowed();
	unsigned left = index % (unsigned)CPU_COUNT(cores);
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, cores) || left--)
			continue;
		cpu_set_t one;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		return !sched_setaffinity(0, sizeof(one), &one);
	}
	return false;
}
