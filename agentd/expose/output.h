/* SPDX-License-Identifier: MIT */
/* The body of an answer while an encoder writes it.
 *
 * Encoders reserve room for a batch of samples, write through a pointer of their own and set `at`. The estimate of
 * the start is generous, so that growing is the exception: what was never touched costs nothing and is given back.
 */
#ifndef AGENTD_EXPOSE_OUTPUT_H
#define AGENTD_EXPOSE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

struct output {
	char *bytes;
	char *at;
	char *end;
};

/* Room for `bytes` to begin with: 0 or -ENOMEM. */
int output_init(struct output *output, size_t bytes);
void output_fini(struct output *output);

/* Hands out what was written, shrunk to its length; to be freed by free(). The output is empty then. */
void output_take(struct output *output, char **body, size_t *len);

/* Out of line: see output_reserve(). */
bool output_grow(struct output *output, size_t bytes);

/* Makes room for `bytes` at output->at, which may move. False when out of memory. */
static inline bool output_reserve(struct output *output, size_t bytes)
{
	return (size_t)(output->end - output->at) >= bytes || output_grow(output, bytes);
}

#endif
