/* SPDX-License-Identifier: MIT */
/* What there is to expose: the sources of a collection, and who may use which service name.
 *
 * The service label is the name that a program gave itself. Two users that use the same name are kept apart: the one
 * that had it first has it, the other one is exposed as NAME@UID, so that nobody can add to another user's counts.
 */
#include "segments_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- tracked ---- */

static void tracked_free(void *user)
{
	struct tracked *tracked = user;
	if (!tracked)
		return;
	/* Refusals that were counted stay counted. */
	for (size_t i = 0; !tracked->folded && i < MSTAT_SHM_REASON_MAX; i++)
		tracked->owner->drops_gone[i] += tracked->drops[i];
	tracked_reset(tracked);
	free(tracked);
}

static struct tracked *tracked_new(struct segments *segments)
{
	struct tracked *tracked = calloc(1, sizeof(*tracked));
	if (tracked)
		tracked->owner = segments;
	return tracked;
}

struct tracked *tracked_of_segment(struct segments *segments, struct segment *segment)
{
	if (!segment->user) {
		segment->user = tracked_new(segments);
		segment->user_free = tracked_free;
	}
	return segment->user;
}

static struct tracked *tracked_of_totals(struct segments *segments, struct totals *totals)
{
	if (!totals->user) {
		struct tracked *tracked = tracked_new(segments);
		if (tracked)
			tracked->folded = true; /* the drops are the totals' own */
		totals->user = tracked;
		totals->user_free = tracked_free;
	}
	return totals->user;
}

/* References that belong to another file are void, and so are those to a catalog from before a retirement, or made by
 * other views. What is known about the past of merged series is found again by their identity. */
static void tracked_follow(const struct source *source, ino_t inode, uint64_t generation)
{
	struct tracked *tracked = source->tracked;
	uint64_t changes = source->segment ? source->segment->record_changes : 0;
	uint64_t views = tracked->owner->views_generation;
	if (tracked->inode != inode || tracked->record_changes != changes || tracked->views_generation != views ||
	    tracked->generation != generation)
		tracked_reset(tracked);
	tracked->inode = inode;
	tracked->record_changes = changes;
	tracked->views_generation = views;
	tracked->generation = generation;
}

/* ---- the list ---- */

static int source_add(struct segments *segments, const struct source *source)
{
	if (segments->source_count == segments->source_capacity) {
		size_t capacity = segments->source_capacity ? segments->source_capacity * 2 : 64;
		struct source *sources = reallocarray(segments->sources, capacity, sizeof(*sources));
		if (!sources)
			return -ENOMEM;
		segments->sources = sources;
		segments->source_capacity = capacity;
	}
	segments->sources[segments->source_count++] = *source;
	return 0;
}

static int segment_add(struct segments *segments, const struct segment_directory *directory, struct segment *segment,
		       uint64_t generation)
{
	if (segment->state != SEGMENT_LIVE && segment->state != SEGMENT_DEAD)
		return 0;
	struct source source = {.tracked = tracked_of_segment(segments, segment),
				.segment = segment,
				.directory_fd = directory->fd,
				.families = segment->families,
				.family_count = segment->family_count,
				.series_count = segment->series_count,
				.created_ns = segment->header.created_ns,
				.service = segment->service,
				.uid = segment->uid};
	if (!source.tracked)
		return -ENOMEM;
	tracked_follow(&source, segment->inode, generation);
	return source_add(segments, &source);
}

static uint64_t totals_created_ns(const struct totals *totals)
{
	uint64_t oldest = UINT64_MAX;
	for (uint32_t i = 0; i < totals->family_count; i++)
		if (totals->families[i].created_ns < oldest)
			oldest = totals->families[i].created_ns;
	return oldest;
}

static int totals_add_source(struct segments *segments, struct totals *totals, uint64_t generation)
{
	struct source source = {.tracked = tracked_of_totals(segments, totals),
				.totals = totals,
				.families = totals->families,
				.family_count = totals->family_count,
				.series_count = totals->series_count,
				.created_ns = totals_created_ns(totals),
				.service = totals->service,
				.uid = totals->uid};
	if (!source.tracked)
		return -ENOMEM;
	tracked_follow(&source, 0, generation);
	return source_add(segments, &source);
}

static int by_age(const void *a, const void *b)
{
	const struct source *left = a, *right = b;
	return (left->created_ns > right->created_ns) - (left->created_ns < right->created_ns);
}

/* ---- service names ---- */

static struct service_owner *owner_find(struct segments *segments, const char *service)
{
	for (size_t i = 0; i < segments->owner_count; i++)
		if (!strcmp(segments->owners[i].service, service))
			return &segments->owners[i];
	return NULL;
}

static struct service_owner *owner_add(struct segments *segments, const struct source *source)
{
	if (segments->owner_count == segments->owner_capacity) {
		size_t capacity = segments->owner_capacity ? segments->owner_capacity * 2 : 16;
		struct service_owner *owners = reallocarray(segments->owners, capacity, sizeof(*owners));
		if (!owners)
			return NULL;
		segments->owners = owners;
		segments->owner_capacity = capacity;
	}
	struct service_owner *owner = &segments->owners[segments->owner_count];
	*owner = (struct service_owner){.service = strdup(source->service), .uid = source->uid};
	if (!owner->service)
		return NULL;
	segments->owner_count++;
	return owner;
}

static int source_label(struct segments *segments, struct source *source)
{
	struct service_owner *owner = owner_find(segments, source->service);
	if (!owner)
		owner = owner_add(segments, source);
	if (!owner)
		return -ENOMEM;
	if (owner->uid == source->uid)
		owner->seen = true;
	if (source->tracked->service)
		return 0;
	int len = owner->uid == source->uid
			  ? asprintf(&source->tracked->service, "%s", source->service)
			  : asprintf(&source->tracked->service, "%s@%u", source->service, (unsigned int)source->uid);
	if (len >= 0)
		return 0;
	source->tracked->service = NULL;
	return -ENOMEM;
}

/* Names whose owner has nothing left here may be taken by others. */
static void owners_forget(struct segments *segments)
{
	size_t kept = 0;
	for (size_t i = 0; i < segments->owner_count; i++) {
		struct service_owner owner = segments->owners[i];
		if (!owner.seen) {
			free(owner.service);
			continue;
		}
		owner.seen = false;
		segments->owners[kept++] = owner;
	}
	segments->owner_count = kept;
}

int sources_list(struct segments *segments, const struct catalog *catalog)
{
	uint64_t generation = catalog_generation(catalog);
	int r = 0;
	segments->source_count = 0;
	for (size_t i = 0; !r && i < segments->options.directory_count; i++) {
		struct place *place = &segments->places[i];
		for (size_t k = 0; !r && place->fold_open && k < place->fold.service_count; k++)
			r = totals_add_source(segments, place->fold.services[k], generation);
		for (size_t k = 0; !r && k < place->directory.count; k++)
			r = segment_add(segments, &place->directory, place->directory.segments[k], generation);
	}
	if (segments->source_count)
		qsort(segments->sources, segments->source_count, sizeof(*segments->sources), by_age);
	for (size_t i = 0; !r && i < segments->source_count; i++)
		r = source_label(segments, &segments->sources[i]);
	owners_forget(segments);
	return r;
}
