/* SPDX-License-Identifier: MIT */
/* The segment directories over time: scanned, read, folded. What is exposed of them is the matter of segments_sources.c
 * and segments_merge.c. */
#include "segments_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "host_hash.h"

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/* ---- places ---- */

static void place_release(struct segments *segments, struct place *place)
{
	if (!place->fold_open)
		return;
	segments->folded_before += place->fold.folded;
	segments->refused_before += place->fold.refused;
	fold_close(&place->fold);
	place->fold_open = false;
}

/* The fold follows its directory: one that was replaced is another one. */
static int place_follow(struct segments *segments, struct place *place)
{
	struct stat status;
	if (place->directory.fd < 0 || fstat(place->directory.fd, &status)) {
		place_release(segments, place);
		return 0;
	}
	bool same = place->fold_open && place->device == status.st_dev && place->inode == status.st_ino;
	if (same) {
		place->fold.directory_fd = place->directory.fd;
		/* The inspector owns nothing and must see what the agent has folded since. */
		if (segments->options.folding && place->fold.folding_fd >= 0)
			return 0;
	}
	place_release(segments, place);
	int r = fold_open(&place->fold, place->directory.fd, &segments->options.limits, segments->options.folding);
	place->device = status.st_dev;
	place->inode = status.st_ino;
	place->fold_open = true;
	return r;
}

/* A directory that this process may not list, or that is not there, is none of its business as long as it has another.
 */
static int places_scan(struct segments *segments)
{
	int first_error = 0;
	size_t usable = 0;
	for (size_t i = 0; i < segments->options.directory_count; i++) {
		struct place *place = &segments->places[i];
		int r = segment_directory_scan(&place->directory, segments->options.entries_max);
		if (!r)
			r = place_follow(segments, place);
		else
			place_release(segments, place);
		usable += !r;
		if (r && r != -ENOENT && !first_error)
			first_error = r;
		if (r == -EBUSY)
			return r;
	}
	return usable ? 0 : first_error;
}

/* ---- folding ---- */

/* Dead for long enough that nobody adopts it any more? Asks, and remembers since when. */
static bool segment_ripe(struct segments *segments, struct place *place, struct segment *segment, int64_t now_ns)
{
	struct tracked *tracked = tracked_of_segment(segments, segment);
	if (!tracked || segment->state != SEGMENT_DEAD || fold_alive(place->directory.fd, segment->name)) {
		if (tracked)
			tracked->dead_since_ns = 0;
		return false;
	}
	if (!tracked->dead_since_ns)
		tracked->dead_since_ns = now_ns;
	return now_ns - tracked->dead_since_ns >= segments->options.fold_after_ns;
}

/* Each segment that was taken holds a descriptor until the commit, and the listeners need some, too. */
#define FOLD_BATCH 64

static void place_fold(struct segments *segments, struct place *place, int64_t now_ns)
{
	size_t taken = 0;
	for (size_t i = 0; i < place->directory.count; i++) {
		struct segment *segment = place->directory.segments[i];
		if (!segment_ripe(segments, place, segment, now_ns) ||
		    !fold_take(&place->fold, segment, &segments->options.limits))
			continue;
		((struct tracked *)segment->user)->folded = true;
		if (++taken % FOLD_BATCH == 0 && fold_commit(&place->fold))
			break;
	}
	/* Its values are in the totals now: the segment must leave the list before anybody adds it once more. */
	if (taken)
		segment_directory_scan(&place->directory, segments->options.entries_max);
	fold_commit(&place->fold);
}

static bool service_present(const struct place *place, const struct totals *totals)
{
	for (size_t i = 0; i < place->directory.count; i++) {
		const struct segment *segment = place->directory.segments[i];
		if (segment->service && segment->uid == totals->uid && !strcmp(segment->service, totals->service))
			return true;
	}
	return false;
}

/* Totals without a segment: forgotten after keep_dead_ns, the oldest first where there are too many. */
static void place_expire(struct segments *segments, struct place *place)
{
	uint64_t now_ns = (uint64_t)clock_ns(CLOCK_REALTIME);
	for (;;) {
		struct fold *fold = &place->fold;
		size_t absent = 0, oldest = SIZE_MAX;
		for (size_t i = 0; i < fold->service_count; i++) {
			const struct totals *totals = fold->services[i];
			if (totals->mark_count || service_present(place, totals))
				continue;
			absent++;
			if (oldest == SIZE_MAX || totals->died_ns < fold->services[oldest]->died_ns)
				oldest = i;
		}
		if (oldest == SIZE_MAX)
			return;
		bool old = now_ns - fold->services[oldest]->died_ns > (uint64_t)segments->options.keep_dead_ns &&
			   now_ns > fold->services[oldest]->died_ns;
		if (!old && absent <= segments->options.services_max)
			return;
		for (size_t i = 0; i < MSTAT_SHM_REASON_MAX; i++)
			segments->drops_gone[i] += fold->services[oldest]->drops[i];
		segments->stats.services_expired++;
		fold_forget(fold, oldest);
	}
}

int segments_sweep(struct segments *segments)
{
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	int r = places_scan(segments), first_error = r;
	for (size_t i = 0; i < segments->options.directory_count; i++) {
		struct place *place = &segments->places[i];
		if (!place->fold_open || place->fold.folding_fd < 0)
			continue;
		for (size_t k = 0; k < place->directory.count; k++)
			if (place->directory.segments[k]->state == SEGMENT_UNREAD)
				segment_read(place->directory.segments[k], place->directory.fd,
					     &segments->options.limits);
		/* A dead tree's segment that was alive when last read needs another look before it can be folded. */
		for (size_t k = 0; k < place->directory.count; k++) {
			struct segment *segment = place->directory.segments[k];
			if (segment->state == SEGMENT_LIVE && !fold_alive(place->directory.fd, segment->name))
				segment_read(segment, place->directory.fd, &segments->options.limits);
		}
		place_fold(segments, place, now_ns);
		place_expire(segments, place);
		if (place->fold.save_error && !first_error)
			first_error = place->fold.save_error;
	}
	return first_error;
}

/* ---- figures ---- */

static void segment_figures(struct segments *segments, struct segment *segment)
{
	struct segments_stats *stats = &segments->stats;
	struct tracked *tracked = segment->user;
	stats->by_state[segment->state]++;
	if (!tracked)
		return;
	if (segment->refusal != tracked->refusal && segment->refusal != SEGMENT_REFUSED_NONE)
		stats->refused[segment->refusal]++;
	tracked->refusal = segment->refusal;
	stats->bytes_read += segment->bytes_read - tracked->bytes_read;
	tracked->bytes_read = segment->bytes_read;
	if (segment->state == SEGMENT_LIVE || segment->state == SEGMENT_DEAD)
		memcpy(tracked->drops, segment->header.drops, sizeof(tracked->drops));
	for (size_t i = 0; i < MSTAT_SHM_REASON_MAX; i++)
		stats->drops[i] += tracked->drops[i];
}

static void segments_figures(struct segments *segments)
{
	struct segments_stats *stats = &segments->stats;
	memset(stats->by_state, 0, sizeof(stats->by_state));
	memcpy(stats->drops, segments->drops_gone, sizeof(stats->drops));
	stats->folded = segments->folded_before;
	stats->fold_refused = segments->refused_before;
	for (size_t i = 0; i < segments->options.directory_count; i++) {
		struct place *place = &segments->places[i];
		for (size_t k = 0; k < place->directory.count; k++)
			segment_figures(segments, place->directory.segments[k]);
		stats->folded += place->fold.folded;
		stats->fold_refused += place->fold.refused;
		for (size_t k = 0; place->fold_open && k < place->fold.service_count; k++)
			for (size_t reason = 0; reason < MSTAT_SHM_REASON_MAX; reason++)
				stats->drops[reason] += place->fold.services[k]->drops[reason];
	}
	stats->services = segments->owner_count;
}

const struct segments_stats *segments_stats(struct segments *segments)
{
	return &segments->stats;
}

/* ---- views ---- */

void segments_set_views(struct segments *segments, struct views *views)
{
	if (views_equal(segments->views, views)) {
		views_free(views);
		return;
	}
	views_free(segments->views);
	segments->views = views;
	segments->views_generation++;
	admission_fini(&segments->admission);
}

/* ---- collecting ---- */

static int64_t segments_clock_ns(const struct segments *segments, clockid_t clock)
{
	return segments->options.clock_ns ? segments->options.clock_ns(clock) : clock_ns(clock);
}

int segments_collect(struct segments *segments, struct builder *builder)
{
	int r = places_scan(segments);
	for (size_t i = 0; i < segments->options.directory_count; i++) {
		struct segment_directory *directory = &segments->places[i].directory;
		for (size_t k = 0; k < directory->count; k++) {
			struct tracked *tracked = tracked_of_segment(segments, directory->segments[k]);
			/* References from before a retirement or a reload are void: the labels are needed again. */
			if (tracked && (tracked->generation != catalog_generation(builder_catalog(builder)) ||
					tracked->views_generation != segments->views_generation))
				segment_want_strings(directory->segments[k]);
		}
		segment_directory_read(directory, &segments->options.limits);
	}
	segments->now_ns = segments_clock_ns(segments, CLOCK_MONOTONIC);
	windows_begin(&segments->windows, segments->now_ns, (uint64_t)segments_clock_ns(segments, CLOCK_REALTIME));
	int list_error = sources_list(segments, builder_catalog(builder));
	if (!list_error)
		list_error = sources_resolve(segments, builder);
	if (!list_error) {
		sources_merge(segments, builder);
		merged_sweep(&segments->merged);
	}
	segments_figures(segments);
	return r ? r : list_error;
}

/* ---- open and close ---- */

static void options_fini(struct segments_options *options)
{
	for (size_t i = 0; options->directories && i < options->directory_count; i++)
		free(options->directories[i]);
	free(options->directories);
}

static int options_copy(struct segments_options *copy, const struct segments_options *options)
{
	*copy = *options;
	copy->directories = calloc(options->directory_count + 1, sizeof(*copy->directories));
	if (!copy->directories)
		return -ENOMEM;
	for (size_t i = 0; i < options->directory_count; i++) {
		copy->directories[i] = strdup(options->directories[i]);
		if (!copy->directories[i])
			return -ENOMEM;
	}
	return 0;
}

static int open_error(int r, const char *directory, char **error)
{
	char *message = NULL;
	int len = r == -EBUSY ? asprintf(&message,
					 "%s: another mstatd reads this directory; stop it, or give this one another "
					 "--segment.dir",
					 directory)
			      : asprintf(&message, "%s: %s", directory, strerror(-r));
	*error = len < 0 ? NULL : message;
	return r;
}

int segments_open(const struct segments_options *options, struct segments **segments, char **error)
{
	struct segments *made = calloc(1, sizeof(*made));
	int r = made ? options_copy(&made->options, options) : -ENOMEM;
	if (made) {
		made->seed = host_hash_seed();
		made->windows.whole_life = !options->folding;
	}
	if (!r && !(made->places = calloc(options->directory_count + 1, sizeof(*made->places))))
		r = -ENOMEM;
	for (size_t i = 0; !r && i < options->directory_count; i++)
		r = segment_directory_init(&made->places[i].directory, options->directories[i]);
	for (size_t i = 0; !r && i < options->directory_count; i++) {
		struct place *place = &made->places[i];
		if (!segment_directory_scan(&place->directory, options->entries_max) &&
		    place_follow(made, place) == -EBUSY)
			r = -EBUSY;
		if (r) {
			open_error(r, options->directories[i], error);
			segments_close(made);
			return r;
		}
	}
	if (r) {
		segments_close(made);
		return open_error(r, "segments", error);
	}
	*segments = made;
	return 0;
}

void segments_close(struct segments *segments)
{
	if (!segments)
		return;
	for (size_t i = 0; segments->places && i < segments->options.directory_count; i++) {
		place_release(segments, &segments->places[i]);
		segment_directory_fini(&segments->places[i].directory);
	}
	for (size_t i = 0; i < segments->owner_count; i++)
		free(segments->owners[i].service);
	free(segments->owners);
	free(segments->sources);
	free(segments->places);
	free(segments->declarations);
	merged_set_fini(&segments->merged);
	windows_fini(&segments->windows);
	shape_budget_fini(&segments->budget);
	admission_fini(&segments->admission);
	views_free(segments->views);
	options_fini(&segments->options);
	free(segments);
}
