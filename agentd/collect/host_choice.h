/* SPDX-License-Identifier: MIT */
/* Which names of a long list are wanted, by their place in it: files such as /proc/vmstat hold hundreds of names in the
 * same order each time, of which a pattern takes a few. A name is compared with the one that stood in its place; only
 * where it is another is the pattern asked, and from there on all are asked anew. */
#ifndef AGENTD_COLLECT_HOST_CHOICE_H
#define AGENTD_COLLECT_HOST_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

enum choice_verdict { CHOICE_UNKNOWN, CHOICE_REFUSED, CHOICE_TAKEN };

struct choice {
	struct choice_place *places;
	size_t count;
	size_t capacity;
	char *names;
	size_t names_capacity;
	size_t next;
};

void choice_fini(struct choice *choice);

/* Begins a list. */
void choice_begin(struct choice *choice);

/* The verdict on the next name; after CHOICE_UNKNOWN, choice_note() may remember one. Cost: a comparison. */
enum choice_verdict choice_next(struct choice *choice, const char *name);
void choice_note(struct choice *choice, const char *name, bool taken); /* without memory: not remembered */

#endif
