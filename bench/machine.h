/* SPDX-License-Identifier: MIT */
/* Facts about the machine that figures depend on. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stdbool.h>

struct machine {
	char processor[128];
	char kernel[200];
	const char *compiler; /* that built the benchmark */
	unsigned cores;       /* that this process may use */
	double load;          /* load average of the last minute, when the facts were asked for; -1 unknown */
};

/* The facts; asked for once. */
const struct machine *machine_facts(void);

/* Binds the calling thread to the index'th core that the process may use (modulo their number). False: not permitted,
 * the thread runs wherever the kernel puts it. */
bool machine_pin(unsigned index);

#endif
