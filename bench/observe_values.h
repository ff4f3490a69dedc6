/* SPDX-License-Identifier: MIT */
/* Values to observe: durations of a service, as integers of nanoseconds and as doubles of seconds. */
#ifndef BENCH_OBSERVE_VALUES_H
#define BENCH_OBSERVE_VALUES_H

#include <stdint.h>

#define OBSERVE_VALUES 4096u /* a power of two */

#ifdef __cplusplus
extern "C" {
#endif

struct observe_values {
	int64_t ns[OBSERVE_VALUES];
	double seconds[OBSERVE_VALUES];
};

/* Log-normal values around 50 ms, the same in every run; and as many times the median. */
void observe_values_fill(struct observe_values *varying, struct observe_values *constant);

#ifdef __cplusplus
}
#endif
#endif
