/* SPDX-License-Identifier: MIT */
/* Which names of a long list are wanted. */
#include "host_choice.h"

#include <stdlib.h>
#include <string.h>

struct choice_place {
	size_t name; /* in `names` */
	size_t end;  /* of the name, with its NUL */
	bool taken;
};

void choice_fini(struct choice *choice)
{
	free(choice->places);
	free(choice->names);
	*choice = (struct choice){.places = NULL};
}

void choice_begin(struct choice *choice)
{
	choice->next = 0;
}

enum choice_verdict choice_next(struct choice *choice, const char *name)
{
	const size_t at = choice->next++;
	if (at >= choice->count)
		return CHOICE_UNKNOWN;
	if (!strcmp(choice->names + choice->places[at].name, name))
		return choice->places[at].taken ? CHOICE_TAKEN : CHOICE_REFUSED;
	choice->count = at;
	return CHOICE_UNKNOWN;
}

static bool choice_reserve(struct choice *choice, size_t names_bytes)
{
	if (choice->count == choice->capacity) {
		size_t capacity = choice->capacity + choice->capacity / 2 + 16;
		struct choice_place *places = reallocarray(choice->places, capacity, sizeof(*places));
		if (!places)
			return false;
		choice->places = places;
		choice->capacity = capacity;
	}
	if (names_bytes > choice->names_capacity) {
		size_t capacity = names_bytes + names_bytes / 2;
		char *names = realloc(choice->names, capacity);
		if (!names)
			return false;
		choice->names = names;
		choice->names_capacity = capacity;
	}
	return true;
}

void choice_note(struct choice *choice, const char *name, bool taken)
{
	/* Of a name before this one nothing could be remembered. */
	if (choice->next != choice->count + 1)
		return;
	const size_t begin = choice->count ? choice->places[choice->count - 1].end : 0;
	const size_t end = begin + strlen(name) + 1;
	if (!choice_reserve(choice, end))
		return;
	memcpy(choice->names + begin, name, end - begin);
	choice->places[choice->count++] = (struct choice_place){.name = begin, .end = end, .taken = taken};
}
