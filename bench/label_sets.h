/* SPDX-License-Identifier: MIT */
/* Label sets as an HTTP service has them: method, status, route; each set different from the others. */
#ifndef BENCH_LABEL_SETS_H
#define BENCH_LABEL_SETS_H

#include <stddef.h>

#define LABEL_COUNT 3u

#ifdef __cplusplus
extern "C" {
#endif

struct label_set {
	const char *values[LABEL_COUNT];
};

extern const char *const label_names[LABEL_COUNT];

/* `count` label sets in one allocation, texts included. */
struct label_set *label_sets_new(size_t count);
void label_sets_free(struct label_set *sets);

#ifdef __cplusplus
}
#endif
#endif
