/* SPDX-License-Identifier: MIT */
/* Numbers as text. */
#ifndef AGENTD_SNAPSHOT_NUMBER_H
#define AGENTD_SNAPSHOT_NUMBER_H

#include <stddef.h>

#include "catalog.h"

#define NUMBER_TEXT_MAX 32

/* Writes a number to `out` (NUMBER_TEXT_MAX bytes, no NUL) and returns its length: integers in decimal, doubles in the
 * shortest form that reads back as the same double (Python's repr without ".0"), NaN, +Inf, -Inf. */
size_t number_format(struct number number, char *out);

/* The same for the values of the labels le and quantile, as OpenMetrics wants them: the shortest form with an e from
 * 1e+06 up and below 0.0001, and with ".0" where it has neither point nor e. Negative zero is "0.0". */
size_t number_format_canonical(double value, char *out);

#endif
