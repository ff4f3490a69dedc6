/* SPDX-License-Identifier: MIT */
/* The harness: options, threads that start together, and rounds that take the cases in turn. */
#include "harness.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "machine.h"
#include "report.h"

#define CASES_MAX 16u
#define THREADS_MAX 64u

static struct {
	const char *name; /* of the program */
	bool quick;
	unsigned rounds;
	int64_t run_ns; /* how long one run of a loop should take */
	const char *csv_path;
	FILE *csv;
} bench = {.name = "bench", .rounds = 7, .run_ns = 50 * 1000 * 1000};

void bench_fail(const char *format, ...)
{
	va_list arguments;
	fprintf(stderr, "%s: ", bench.name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

bool bench_quick(void)
{
	return bench.quick;
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec time;
	clock_gettime(clock, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t bench_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* ---- one run: threads that start together ---- */

struct run {
	const struct bench_case *subject;
	uint64_t operations;
	pthread_barrier_t start;
};

struct worker {
	struct run *run;
	unsigned index;
	pthread_t thread;
	int64_t start_ns, end_ns, cpu_ns;
};

static void *worker_main(void *context)
{
	struct worker *worker = context;
	const struct bench_case *subject = worker->run->subject;
	machine_pin(worker->index);
	/* First use by a thread may cost more than all others; that is a question of its own. */
	subject->loop(subject->context, worker->index, 1);
	pthread_barrier_wait(&worker->run->start);
	int64_t cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	worker->start_ns = bench_now_ns();
	subject->loop(subject->context, worker->index, worker->run->operations);
	worker->end_ns = bench_now_ns();
	worker->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
	return NULL;
}

struct sample {
	int64_t wall_ns;
	double cpu_ns; /* mean of the threads */
};

static struct sample run_loop(const struct bench_case *subject, unsigned threads, uint64_t operations)
{
	struct run run = {.subject = subject, .operations = operations};
	struct worker workers[THREADS_MAX];
	pthread_barrier_init(&run.start, NULL, threads);
	for (unsigned i = 0; i < threads; i++) {
		workers[i] = (struct worker){.run = &run, .index = i};
		int error = pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]);
		if (error)
			bench_fail("cannot start thread %u of %u: %s; raise the limit of processes (ulimit -u)", i + 1,
				   threads, strerror(error));
	}
	int64_t start_ns = INT64_MAX, end_ns = 0, cpu_ns = 0;
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(workers[i].thread, NULL);
		start_ns = workers[i].start_ns < start_ns ? workers[i].start_ns : start_ns;
		end_ns = workers[i].end_ns > end_ns ? workers[i].end_ns : end_ns;
		cpu_ns += workers[i].cpu_ns;
	}
	pthread_barrier_destroy(&run.start);
	return (struct sample){.wall_ns = end_ns - start_ns, .cpu_ns = (double)cpu_ns / threads};
}

/* How many operations fill bench.run_ns; also warms caches, pages and branch predictors.
 *
 * By CPU time, and only once a run of that very count was long enough: a thread that waited for its core at a count of
 * a few would otherwise settle the count there, and every figure of the case would be that of starting threads. */
static uint64_t operations_calibrate(const struct bench_case *subject, unsigned threads)
{
	uint64_t operations = 1;
	for (;;) {
		double cpu_ns = run_loop(subject, threads, operations).cpu_ns;
		if (cpu_ns >= (double)bench.run_ns / 2)
			break;
		double growth = cpu_ns > 0 ? (double)bench.run_ns / cpu_ns : 8;
		operations = (uint64_t)((double)operations * (growth < 2 ? 2 : growth > 8 ? 8 : growth));
	}
	return operations;
}

/* ---- a group: the cases in turn ---- */

static void case_run(const struct bench_case *subject, unsigned threads, unsigned round, struct report_case *result)
{
	if (subject->measure) {
		result->wall[round] = subject->measure(subject->context);
		result->cpu[round] = NAN;
		return;
	}
	struct sample sample = run_loop(subject, threads, result->operations);
	double items = (double)result->operations * (double)(subject->items ? subject->items : 1);
	result->wall[round] = (double)sample.wall_ns / items;
	result->cpu[round] = sample.cpu_ns / items;
}

void bench_group(const char *name, const char *unit, unsigned threads, const struct bench_case *cases, size_t count)
{
	static struct report_case results[CASES_MAX];
	if (!count || count > CASES_MAX || !threads || threads > THREADS_MAX)
		bench_fail("%s: 1 to %u cases and 1 to %u threads, please", name, CASES_MAX, THREADS_MAX);
	for (size_t i = 0; i < count; i++) {
		results[i] =
			(struct report_case){.name = cases[i].name, .installed = cases[i].loop || cases[i].measure};
		if (cases[i].loop)
			results[i].operations = operations_calibrate(&cases[i], threads);
	}
	for (unsigned round = 0; round < bench.rounds; round++)
		for (size_t i = 0; i < count; i++)
			if (results[i].installed)
				case_run(&cases[i], threads, round, &results[i]);
	struct report_group group = {bench.name, name, unit, threads, bench.rounds, count, results};
	report_table(&group);
	if (bench.csv)
		report_csv(bench.csv, &group);
	fflush(NULL); /* children must not write what is buffered here a second time */
}

/* ---- the program ---- */

static void usage_print(const char *question)
{
	printf("%s: %s\n\nusage: %s [--csv FILE] [--quick] [--rounds N]\n"
	       "  --csv FILE   write the results to FILE too, as comma-separated values\n"
	       "  --quick      a smoke run: short and few runs, small sizes; its figures mean little\n"
	       "  --rounds N   runs of each case, 1 to %u; default 7\n",
	       bench.name, question, bench.name, REPORT_ROUNDS_MAX);
}

static void rounds_set(const char *text)
{
	char *end;
	unsigned long rounds = strtoul(text, &end, 10);
	if (*end || end == text || !rounds || rounds > REPORT_ROUNDS_MAX)
		bench_fail("--rounds %s: a number from 1 to %u, please", text, REPORT_ROUNDS_MAX);
	bench.rounds = (unsigned)rounds;
}

static void quick_set(void)
{
	bench.quick = true;
	bench.rounds = 5;
	bench.run_ns = 1000 * 1000;
}

void bench_begin(const char *question, int argc, char **argv)
{
	static const struct option options[] = {{"csv", required_argument, NULL, 'c'},
						{"quick", no_argument, NULL, 'q'},
						{"rounds", required_argument, NULL, 'r'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	bench.name = program_invocation_short_name;
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (option == 'c')
			bench.csv_path = optarg;
		else if (option == 'q')
			quick_set();
		else if (option == 'r')
			rounds_set(optarg);
		else if (option == 'h')
			usage_print(question), exit(0);
		else
			bench_fail("see --help");
	}
	if (optind < argc)
		bench_fail("%s: not an option; see --help", argv[optind]);
	if (bench.csv_path && !(bench.csv = fopen(bench.csv_path, "we")))
		bench_fail("--csv %s: %s; name a file in a directory that can be written", bench.csv_path,
			   strerror(errno));
	if (bench.csv)
		report_csv_heading(bench.csv);
	report_question(bench.name, question);
	fflush(NULL);
}

int bench_end(void)
{
	if (bench.csv && (ferror(bench.csv) | fclose(bench.csv)))
		bench_fail("--csv %s: writing failed: %s; is the disk full?", bench.csv_path, strerror(errno));
	putchar('\n');
	return 0;
}
