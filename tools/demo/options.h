/* SPDX-License-Identifier: MIT */
/* The command line of the demo. */
#ifndef DEMO_OPTIONS_H
#define DEMO_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct options {
#define DEMO_KIND_TEXT const char *
#define DEMO_KIND_COUNT uint64_t
#define DEMO_KIND_NUMBER double
#define DEMO_KIND_FLAG bool
#define DEMO_OPTION(field, kind, name, argument, text, minimum, maximum, help) DEMO_KIND_##kind field;
#include "options.def"
#undef DEMO_OPTION
};

/* Fills *options from the command line. Returns 0, or -EINVAL after a message on standard error that names the option
 * and what it takes. Strings point into argv. */
int options_parse(struct options *options, int argc, char **argv);

/* Prints the usage, made from options.def. */
void options_help(FILE *file);

#endif
