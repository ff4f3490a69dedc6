/* SPDX-License-Identifier: MIT */
/* The report: medians and ratios of a group, as a table and as CSV. */
#include "report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

struct summary {
	double median, min, max;
	double cpu;   /* median; NaN where there is none */
	double ratio; /* median over the rounds of (this case / baseline) */
};

static int double_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void sort(const double *values, unsigned count, double *sorted)
{
	memcpy(sorted, values, count * sizeof(*values));
	qsort(sorted, count, sizeof(*sorted), double_compare);
}

static double median(const double *values, unsigned count)
{
	double sorted[REPORT_ROUNDS_MAX];
	sort(values, count, sorted);
	return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

static struct summary summarise(const struct report_case *one, const struct report_case *baseline, unsigned rounds)
{
	double sorted[REPORT_ROUNDS_MAX], ratios[REPORT_ROUNDS_MAX];
	for (unsigned round = 0; round < rounds; round++)
		ratios[round] = one->wall[round] / baseline->wall[round];
	sort(one->wall, rounds, sorted);
	return (struct summary){
		.median = median(one->wall, rounds),
		.min = sorted[0],
		.max = sorted[rounds - 1],
		.cpu = isnan(one->cpu[0]) ? NAN : median(one->cpu, rounds),
		.ratio = median(ratios, rounds),
	};
}

void report_question(const char *benchmark, const char *question)
{
	const struct machine *machine = machine_facts();
	printf("%s: %s\n", benchmark, question);
	printf("  processor  %s, %u cores usable\n  kernel     %s\n  compiler   %s\n", machine->processor,
	       machine->cores, machine->kernel, machine->compiler);
	printf("  load       %.2f (1 minute; earlier benchmarks included)\n", machine->load);
}

/* Four digits that mean something, whatever the size: 0.3312, 12.34, 56789. */
static void number_print(double value)
{
	if (isnan(value))
		printf(" %10s", "-");
	else
		printf(" %10.*f", value < 10 ? 3 : value < 100 ? 2 : value < 1000 ? 1 : 0, value);
}

/* Whether the threads waited longer than their own number explains: for a core that somebody else had (then contended
 * cases were not as contended as they should have been), or for a lock of the case itself. */
static bool summary_waited(const struct summary *summary, unsigned threads)
{
	unsigned cores = machine_facts()->cores;
	double share = threads > cores ? (double)threads / cores : 1;
	return !isnan(summary->cpu) && summary->median > 1.2 * share * summary->cpu;
}

static void case_print(const struct report_group *group, size_t index)
{
	const struct report_case *one = &group->cases[index];
	printf("  %-44s", one->name);
	if (!one->installed) {
		printf(" not installed\n");
		return;
	}
	struct summary summary = summarise(one, &group->cases[0], group->rounds);
	number_print(summary.median);
	number_print(summary.min);
	number_print(summary.max);
	number_print(summary.cpu);
	number_print(summary.ratio);
	printf("%s%s\n", index ? "" : "  baseline", summary_waited(&summary, group->threads) ? "  waited" : "");
}

void report_table(const struct report_group *group)
{
	printf("\n%s, %u thread%s, %s, %u rounds\n", group->name, group->threads, group->threads == 1 ? "" : "s",
	       group->unit, group->rounds);
	printf("  %-44s %10s %10s %10s %10s %10s\n", "case", "median", "min", "max", "cpu", "ratio");
	for (size_t i = 0; i < group->case_count; i++)
		case_print(group, i);
}

static void csv_text(FILE *file, const char *text)
{
	fputc('"', file);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', file);
		fputc(*text, file);
	}
	fputs("\",", file);
}

void report_csv_heading(FILE *file)
{
	fputs("benchmark,group,case,unit,threads,rounds,operations,median,min,max,cpu,ratio,"
	      "cores,load,processor,kernel,compiler\n",
	      file);
}

void report_csv(FILE *file, const struct report_group *group)
{
	const struct machine *machine = machine_facts();
	for (size_t i = 0; i < group->case_count; i++) {
		const struct report_case *one = &group->cases[i];
		if (!one->installed)
			continue;
		struct summary summary = summarise(one, &group->cases[0], group->rounds);
		csv_text(file, group->benchmark);
		csv_text(file, group->name);
		csv_text(file, one->name);
		csv_text(file, group->unit);
		fprintf(file, "%u,%u,%llu,%.6g,%.6g,%.6g,", group->threads, group->rounds,
			(unsigned long long)one->operations, summary.median, summary.min, summary.max);
		if (!isnan(summary.cpu))
			fprintf(file, "%.6g", summary.cpu);
		fprintf(file, ",%.4g,%u,%.2f,", summary.ratio, machine->cores, machine->load);
		csv_text(file, machine->processor);
		csv_text(file, machine->kernel);
		fprintf(file, "\"%s\"\n", machine->compiler);
	}
}
