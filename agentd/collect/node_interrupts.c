/* SPDX-License-Identifier: MIT */
/* Interrupts per CPU and line: /proc/interrupts. */
#include <string.h>

#include "host.h"

static const struct host_family family =
	HOST_COUNTER("node_interrupts_total", "Interrupt details.", "cpu", "type", "info", "devices");

#define CPUS_MAX 4096u

/* All that is left, with one blank between words. */
static const char *rest_collapse(struct text *line)
{
	char *rest = text_rest(line), *out = rest;
	for (const char *in = rest; *in; in++)
		if ((*in != ' ' && *in != '\t') || (in[1] != ' ' && in[1] != '\t'))
			*out++ = *in == '\t' ? ' ' : *in;
	*out = '\0';
	return rest;
}

/* "12: COUNT... IR-IO-APIC-edge  i8042": the controller is one word, the devices are the rest. "NMI: COUNT...  text":
 * the text is all the information there is. */
static void line_sample(struct host *host, struct text *line, size_t cpu_count)
{
	uint64_t counts[CPUS_MAX], number;
	char cpu[24];
	const char *type = text_until(line, ':'), *devices = "";
	size_t count = 0;
	while (type && count < cpu_count && text_u64(line, &counts[count]))
		count++;
	if (!type || count < cpu_count) {
		/* ERR and MIS are one number for all CPUs. */
		if (!type || count != 1)
			host_skip(host);
		return;
	}
	const char *info = "";
	if (word_u64(type, &number)) {
		const char *word = text_word(line);
		info = word ? word : "";
		devices = rest_collapse(line);
	} else {
		info = rest_collapse(line);
	}
	for (size_t i = 0; i < count; i++)
		host_u64(host, &family, counts[i], host_format(cpu, "%zu", i), type, info, devices);
}

static int interrupts_collect(struct host *host)
{
	struct text text, line;
	size_t cpu_count = 0;
	int r = host_read(host, HOST_PROC, "interrupts", &text);
	if (r)
		return r;
	if (text_line(&text, &line))
		while (text_word(&line))
			cpu_count++;
	if (!cpu_count || cpu_count > CPUS_MAX) {
		host_skip(host);
		return -EINVAL;
	}
	while (text_line(&text, &line))
		line_sample(host, &line, cpu_count);
	return 0;
}

const struct host_ops host_interrupts = {.collect = interrupts_collect};
