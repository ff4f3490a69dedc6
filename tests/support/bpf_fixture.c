/* SPDX-License-Identifier: MIT */
/* One feature of the bpf collector on this machine's own kernel. */
#include "bpf_fixture.h"

#include <errno.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#define STATE_FAMILY "mstat_bpf_feature_state"

int bpf_fixture_setup(void **state)
{
	int r = host_fixture_setup(state);
	test_host.options.paths[HOST_SYS] = "/sys";
	test_host.options.bpf_cost = false;
#define BPF_FEATURE(name, ...) test_host.options.bpf_##name = false;
#include "collect/bpf/bpf_features.def"
	return r;
}

static bool sample_find(const char *series, struct snapshot_sample *found)
{
	for (size_t i = 0; i < snapshot_sample_count(test_host.snapshot); i++) {
		*found = snapshot_sample(test_host.snapshot, i);
		if (found->text_len == strlen(series) && !memcmp(found->text, series, found->text_len))
			return true;
	}
	return false;
}

static double number_value(const struct number *number)
{
	return number->type == NUMBER_F64   ? number->f64
	       : number->type == NUMBER_I64 ? (double)number->i64
					    : (double)number->u64;
}

double bpf_value(const char *series)
{
	struct snapshot_sample sample;
	uint64_t count = 0;
	if (!sample_find(series, &sample))
		return 0;
	if (!sample.composite)
		return number_value(&sample.number);
	for (uint32_t i = 0; i < sample.composite->shape->classic_count; i++)
		count += sample.composite->parts[i];
	return (double)count;
}

double bpf_sum(const char *series)
{
	struct snapshot_sample sample;
	if (!sample_find(series, &sample) || !sample.composite)
		return 0;
	return number_value(&sample.composite->sum) * sample.composite->shape->sum_scale;
}

static void state_sample_find(const char *feature, struct snapshot_sample *found)
{
	char name[64], value[64];
	for (size_t i = 0; i < snapshot_sample_count(test_host.snapshot); i++) {
		*found = snapshot_sample(test_host.snapshot, i);
		size_t cursor = 0;
		if (found->name_len != strlen(STATE_FAMILY) || memcmp(found->text, STATE_FAMILY, found->name_len) != 0)
			continue;
		while (snapshot_label_next(found, &cursor, name, sizeof(name), value, sizeof(value)))
			if (!strcmp(name, "feature") && !strcmp(value, feature))
				return;
	}
	fail_msg("no " STATE_FAMILY " of %s", feature);
}

const char *bpf_state(const char *feature)
{
	struct snapshot_sample sample;
	state_sample_find(feature, &sample);
	return sample.composite->shape->bound_text[__builtin_ctzll(sample.composite->parts[0])];
}

const char *bpf_errno(const char *feature)
{
	static char value[64];
	struct snapshot_sample sample;
	char name[64];
	size_t cursor = 0;
	state_sample_find(feature, &sample);
	while (snapshot_label_next(&sample, &cursor, name, sizeof(name), value, sizeof(value)))
		if (!strcmp(name, "errno"))
			return value;
	return "";
}

void bpf_collect(void)
{
	host_fixture_collect(&test_host);
}

void bpf_start(const char *feature)
{
	host_fixture_start(&test_host, HOST_INDEX_bpf);
	bpf_collect();
	if (!strcmp(bpf_state(feature), "running"))
		return;
	const char *error = bpf_errno(feature);
	const char *why = !strcmp(error, "ENOSYS")                  ? "built with BPF=0, or no bpf(2)"
			  : access("/sys/kernel/btf/vmlinux", F_OK) ? "the kernel has no BTF"
			  : !strcmp(error, "EPERM")                 ? "no permission (CAP_BPF, CAP_PERFMON)"
			  : !strcmp(error, "ESRCH")                 ? "the kernel lacks a tracepoint"
								    : NULL;
	if (!why)
		fail_msg("%s is %s: %s", feature, bpf_state(feature), error);
	print_message("skipped: %s: %s\n", feature, why);
	skip();
}

int bpf_program_count(void)
{
	union bpf_attr attributes;
	int count = 0;
	memset(&attributes, 0, sizeof(attributes));
	while (!syscall(SYS_bpf, BPF_PROG_GET_NEXT_ID, &attributes, sizeof(attributes))) {
		attributes.start_id = attributes.next_id;
		count++;
	}
	return errno == ENOENT ? count : -1;
}

unsigned bpf_descriptors_open(const char *kind)
{
	unsigned count = 0;
	for (int fd = 0; fd < 1024; fd++) {
		char path[32], target[64] = "";
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, target, sizeof(target) - 1) > 0 && strstr(target, kind))
			count++;
	}
	return count;
}

void assert_grown(const char *series, double before, double by)
{
	if (bpf_value(series) < before + by)
		fail_msg("%s: %g, and %g before", series, bpf_value(series), before);
}

void skip_because(const char *why)
{
	print_message("skipped: %s\n", why);
	skip();
}

double bpf_family_value(const char *prefix)
{
	double sum = 0;
	for (size_t i = 0; i < snapshot_sample_count(test_host.snapshot); i++) {
		const struct snapshot_sample sample = snapshot_sample(test_host.snapshot, i);
		char series[512];
		if (sample.text_len < strlen(prefix) || memcmp(sample.text, prefix, strlen(prefix)) != 0)
			continue;
		snprintf(series, sizeof(series), "%.*s", (int)sample.text_len, sample.text);
		sum += bpf_value(series);
	}
	return sum;
}
