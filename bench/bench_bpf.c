/* SPDX-License-Identifier: MIT */
/* What do the features of the bpf collector cost: those who make the events, an idle machine, and a scrape?
 *
 * Everything is pinned to one CPU: a switch between CPUs costs ten times a switch on one, and differs as much. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "collect/bpf/bpf_feature.h"
#include "collect/host_set.h"
#include "snapshot/snapshot.h"

#include "harness.h"
#include "machine.h"

#define BPF_FEATURE(name, ...) extern const struct bpf_feature_ops bpf_feature_##name;
#include "collect/bpf/bpf_features.def"

#define FEATURES_MAX 16

/* What is attached while something is measured. */
struct load {
	const char *tracepoint; /* an empty program at it; NULL: none */
	const struct bpf_feature_ops *features[FEATURES_MAX];
	uint64_t operations;
	bool counted; /* while the kernel measures each run of a program */
};

/* ---- attaching -------------------------------------------------------------------------------------------------- */

struct attached {
	struct bpf_feature features[FEATURES_MAX];
	int program_fd;
	int link_fd;
	int stats_fd;
};

static int print_nothing(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

/* The floor for any program: it returns 0. */
static void empty_attach(struct attached *attached, const char *tracepoint)
{
	static const struct bpf_insn instructions[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	const int type_id = libbpf_find_vmlinux_btf_id(tracepoint, BPF_TRACE_RAW_TP);
	if (type_id < 0)
		bench_fail("%s: %s; this needs a kernel with BTF", tracepoint, strerror(-type_id));
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_RAW_TP,
		    .attach_btf_id = (__u32)type_id);
	attached->program_fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "empty", "GPL", instructions, 2, &options);
	if (attached->program_fd < 0)
		bench_fail("an empty program: %s; this needs CAP_BPF and CAP_PERFMON", strerror(errno));
	attached->link_fd = bpf_raw_tracepoint_open(NULL, attached->program_fd);
	if (attached->link_fd < 0)
		bench_fail("%s: %s", tracepoint, strerror(errno));
}

static int stats_open(void)
{
	const int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (fd < 0)
		bench_fail("the kernel's statistics of BPF: %s; this needs CAP_SYS_ADMIN", strerror(errno));
	return fd;
}

static void load_attach(struct attached *attached, const struct load *load)
{
	*attached = (struct attached){.program_fd = -1, .link_fd = -1, .stats_fd = -1};
	if (load->counted)
		attached->stats_fd = stats_open();
	if (load->tracepoint)
		empty_attach(attached, load->tracepoint);
	for (size_t i = 0; i < FEATURES_MAX && load->features[i]; i++) {
		bpf_feature_open(&attached->features[i], load->features[i]);
		if (attached->features[i].state != BPF_FEATURE_RUNNING)
			bench_fail("%s: %s", load->features[i]->name, strerror(-attached->features[i].error));
	}
}

static void load_detach(struct attached *attached)
{
	for (size_t i = 0; i < FEATURES_MAX; i++)
		bpf_feature_close(&attached->features[i]);
	if (attached->link_fd >= 0)
		close(attached->link_fd);
	if (attached->program_fd >= 0)
		close(attached->program_fd);
	if (attached->stats_fd >= 0)
		close(attached->stats_fd);
}

/* ---- events ----------------------------------------------------------------------------------------------------- */

/* Two processes on one CPU that send each other a byte: nothing but context switches. */
static double switches_time(const struct load *load)
{
	int there[2], back[2], status;
	char byte = 0;
	if (pipe(there) || pipe(back))
		bench_fail("pipe: %s", strerror(errno));
	const pid_t pid = fork();
	if (!pid) {
		close(there[1]);
		while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1)
			continue;
		_exit(0);
	}
	for (int i = 0; i < 1000; i++)
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			bench_fail("the other process is gone");
	const int64_t start_ns = bench_now_ns();
	for (uint64_t i = 0; i < load->operations; i++)
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			bench_fail("the other process is gone");
	const double ns = (double)(bench_now_ns() - start_ns);
	close(there[1]);
	waitpid(pid, &status, 0);
	close(there[0]);
	close(back[0]);
	close(back[1]);
	return ns / (double)(2 * load->operations);
}

static double calls_time(const struct load *load)
{
	const int64_t start_ns = bench_now_ns();
	for (uint64_t i = 0; i < load->operations; i++)
		syscall(SYS_getppid);
	return (double)(bench_now_ns() - start_ns) / (double)load->operations;
}

static double processes_time(const struct load *load)
{
	const int64_t start_ns = bench_now_ns();
	for (uint64_t i = 0; i < load->operations; i++) {
		const pid_t pid = vfork();
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	return (double)(bench_now_ns() - start_ns) / (double)load->operations;
}

static double loaded_time(const struct load *load, double (*time_of)(const struct load *load))
{
	struct attached attached;
	load_attach(&attached, load);
	const double ns = time_of(load);
	load_detach(&attached);
	return ns;
}

static double switches_measure(void *context)
{
	return loaded_time(context, switches_time);
}

static double calls_measure(void *context)
{
	return loaded_time(context, calls_time);
}

static double processes_measure(void *context)
{
	return loaded_time(context, processes_time);
}

/* ---- an idle machine -------------------------------------------------------------------------------------------- */

static uint64_t features_run_ns(const struct attached *attached)
{
	uint64_t sum_ns = 0;
	for (size_t i = 0; i < FEATURES_MAX && attached->features[i].object; i++) {
		struct bpf_program *program;
		bpf_object__for_each_program(program, attached->features[i].object)
		{
			struct bpf_prog_info info = {.type = 0};
			__u32 len = sizeof(info);
			if (!bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len))
				sum_ns += info.run_time_ns;
		}
	}
	return sum_ns;
}

/* The kernel's own clock around the programs, in percent of one CPU, while this program does nothing. */
static double idle_measure(void *context)
{
	const struct load *load = context;
	struct attached attached;
	load_attach(&attached, load);
	const int64_t start_ns = bench_now_ns();
	const uint64_t before_ns = features_run_ns(&attached);
	usleep(bench_quick() ? 100000 : 1000000);
	const uint64_t run_ns = features_run_ns(&attached) - before_ns;
	const double percent = 100.0 * (double)run_ns / (double)(bench_now_ns() - start_ns);
	load_detach(&attached);
	return percent;
}

/* ---- a scrape --------------------------------------------------------------------------------------------------- */

struct scrape {
	struct host_set *set;
	struct builder *builder;
};

static void scrape_loop(void *context, unsigned thread, uint64_t operations)
{
	(void)thread;
	const struct scrape *scrape = context;
	for (uint64_t i = 0; i < operations; i++) {
		builder_begin(scrape->builder);
		if (scrape->set)
			host_set_collect(scrape->set, scrape->builder);
		snapshot_unref(builder_freeze(scrape->builder));
	}
}

static void scrape_init(struct scrape *scrape, bool enabled, bool cost)
{
	struct host_options options = {
		.paths = {"/proc", "/sys", "/", "/run/udev/data"}, .deadline_ns = 1000000000, .bpf_cost = cost};
	struct catalog *catalog = catalog_new(100000);
	scrape->builder = catalog ? builder_new(catalog) : NULL;
	scrape->set = NULL;
	options.enabled[HOST_INDEX_bpf] = enabled;
#define BPF_FEATURE(name, ...) options.bpf_##name = true;
#include "collect/bpf/bpf_features.def"
	if (!scrape->builder || (enabled && host_set_new(&options, &scrape->set)))
		bench_fail("out of memory");
}

static void scrape_fini(struct scrape *scrape)
{
	struct catalog *catalog = builder_catalog(scrape->builder);
	host_set_free(scrape->set);
	builder_free(scrape->builder);
	catalog_free(catalog);
}

static void scrapes_run(void)
{
	struct scrape none, all, with_cost;
	scrape_init(&none, false, false);
	scrape_init(&all, true, false);
	scrape_init(&with_cost, true, true);
	const struct bench_case cases[] = {
		{.name = "nothing", .loop = scrape_loop, .context = &none},
		{.name = "all features", .loop = scrape_loop, .context = &all},
		{.name = "all features with their cost", .loop = scrape_loop, .context = &with_cost},
	};
	bench_group("a collection", "ns", 1, cases, sizeof(cases) / sizeof(*cases));
	scrape_fini(&with_cost);
	scrape_fini(&all);
	scrape_fini(&none);
}

/* ---- the groups ------------------------------------------------------------------------------------------------- */

#define CASES(name, ...) static struct load name[] = {__VA_ARGS__}
#define ROUND_TRIPS 20000

CASES(switch_loads, {.operations = ROUND_TRIPS}, {.tracepoint = "sched_switch", .operations = ROUND_TRIPS},
      {.features = {&bpf_feature_run_queue}, .operations = ROUND_TRIPS},
      {.features = {&bpf_feature_off_cpu}, .operations = ROUND_TRIPS},
      {.features = {&bpf_feature_cgroup_sched}, .operations = ROUND_TRIPS},
      {.features = {&bpf_feature_run_queue, &bpf_feature_off_cpu, &bpf_feature_cgroup_sched},
       .operations = ROUND_TRIPS},
      {.features = {&bpf_feature_run_queue, &bpf_feature_off_cpu, &bpf_feature_cgroup_sched},
       .operations = ROUND_TRIPS,
       .counted = true});
CASES(call_loads, {.operations = 500000}, {.tracepoint = "sys_exit", .operations = 500000},
      {.features = {&bpf_feature_syscalls}, .operations = 500000},
      {.features = {&bpf_feature_syscalls}, .operations = 500000, .counted = true});
CASES(process_loads, {.operations = 1000}, {.tracepoint = "sched_process_exit", .operations = 1000},
      {.features = {&bpf_feature_process_life}, .operations = 1000});
static struct load default_load = {.counted = true}, all_load = {.counted = true};

static void loads_fill(void)
{
	size_t defaults = 0, all = 0;
#define BPF_FEATURE(name, fallback, help)                                                                              \
	if (fallback)                                                                                                  \
		default_load.features[defaults++] = &bpf_feature_##name;                                               \
	all_load.features[all++] = &bpf_feature_##name;
#include "collect/bpf/bpf_features.def"
}

static void events_run(void)
{
	const struct bench_case switches[] = {
		{.name = "no program", .measure = switches_measure, .context = &switch_loads[0]},
		{.name = "empty program", .measure = switches_measure, .context = &switch_loads[1]},
		{.name = "run_queue", .measure = switches_measure, .context = &switch_loads[2]},
		{.name = "off_cpu", .measure = switches_measure, .context = &switch_loads[3]},
		{.name = "cgroup_sched", .measure = switches_measure, .context = &switch_loads[4]},
		{.name = "these three", .measure = switches_measure, .context = &switch_loads[5]},
		{.name = "these three, counted", .measure = switches_measure, .context = &switch_loads[6]},
	};
	const struct bench_case calls[] = {
		{.name = "no program", .measure = calls_measure, .context = &call_loads[0]},
		{.name = "empty program", .measure = calls_measure, .context = &call_loads[1]},
		{.name = "syscalls", .measure = calls_measure, .context = &call_loads[2]},
		{.name = "syscalls, counted", .measure = calls_measure, .context = &call_loads[3]},
	};
	const struct bench_case processes[] = {
		{.name = "no program", .measure = processes_measure, .context = &process_loads[0]},
		{.name = "empty program", .measure = processes_measure, .context = &process_loads[1]},
		{.name = "process_life", .measure = processes_measure, .context = &process_loads[2]},
	};
	bench_group("a context switch", "ns", 1, switches, sizeof(switches) / sizeof(*switches));
	bench_group("a system call (getppid)", "ns", 1, calls, sizeof(calls) / sizeof(*calls));
	bench_group("a process (vfork, exit, wait)", "ns", 1, processes, sizeof(processes) / sizeof(*processes));
}

static void idle_run(void)
{
	const struct bench_case cases[] = {
		{.name = "features of the default", .measure = idle_measure, .context = &default_load},
		{.name = "all features", .measure = idle_measure, .context = &all_load},
	};
	bench_group("an idle machine", "% of a CPU", 1, cases, sizeof(cases) / sizeof(*cases));
}

int main(int argc, char **argv)
{
	bench_begin("what do the features of the bpf collector cost?", argc, argv);
	libbpf_set_print(print_nothing);
	machine_pin(0);
	loads_fill();
	events_run();
	idle_run();
	scrapes_run();
	return bench_end();
}
