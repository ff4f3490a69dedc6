/* SPDX-License-Identifier: MIT */
/* Which processes belong to which service. */
#include "segments_processes.h"

#include "segments_private.h"

/* The label that the last collection gave; NULL before the first. */
static const char *service_of(const void *user)
{
	const struct tracked *tracked = user;
	return tracked ? tracked->service : NULL;
}

static void segment_processes(const struct segment *segment, segments_process_each *each, void *context)
{
	const char *service = service_of(segment->user);
	if (!service || (segment->state != SEGMENT_LIVE && segment->state != SEGMENT_DEAD))
		return;
	each(context, service, NULL);
	for (uint32_t i = 0; i < segment->process_count; i++)
		if (segment->processes[i].live)
			each(context, service, &segment->processes[i]);
}

/* Not by the list of sources, which is of the last collection: a sweep may have freed what it points to since. */
void segments_each_process(const struct segments *segments, segments_process_each *each, void *context)
{
	for (size_t i = 0; i < segments->options.directory_count; i++) {
		const struct place *place = &segments->places[i];
		for (size_t k = 0; place->fold_open && k < place->fold.service_count; k++) {
			const char *service = service_of(place->fold.services[k]->user);
			if (service)
				each(context, service, NULL);
		}
		for (size_t k = 0; k < place->directory.count; k++)
			segment_processes(place->directory.segments[k], each, context);
	}
}
