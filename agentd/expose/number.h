/* SPDX-License-Identifier: MIT */
/* Numbers as text. */
#ifndef AGENTD_EXPOSE_NUMBER_H
#define AGENTD_EXPOSE_NUMBER_H

#include <stddef.h>

#include "snapshot/catalog.h"

#define NUMBER_TEXT_MAX 32

/* Writes a number to `out` (NUMBER_TEXT_MAX bytes, no NUL) and returns its length: integers in decimal, doubles in the
 * shortest form that reads back as the same double (Python's repr without ".0"), NaN, +Inf, -Inf. */
size_t number_format(struct number number, char *out);

#endif
