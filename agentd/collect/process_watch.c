/* SPDX-License-Identifier: MIT */
/* What the files of all processes say, read once for everybody: the watch of each procfs, a look at one process, and
 * the pass over all. */
#include "process_watch.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "process_records.h"

/* Threads are no entries of /proc: they are forgotten when nobody has looked at them for so many passes. */
#define THREAD_PASSES 4u

struct process_watch {
	struct process_watch *next; /* of another procfs */
	unsigned references;
	char *procfs;

	pthread_mutex_t lock; /* guards what follows */
	struct process_records records;
	uint32_t pass;
	/* Of the last pass that came to its end: */
	int64_t pass_ns; /* when it began; 0: none did */
	enum process_depth pass_depth;
	uint64_t pass_unreadable;
};

/* How somebody looks. */
struct looking {
	struct process_watch *watch;
	const struct process_files *files;
	enum process_depth depth;
	int64_t since_ns; /* what was seen since then need not be looked at again */
	int64_t now_ns;
};

static int64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* ---- the watches ------------------------------------------------------------------------------------------------ */

static pthread_mutex_t watches_lock = PTHREAD_MUTEX_INITIALIZER;
static struct process_watch *watches;

static void watch_free(struct process_watch *watch)
{
	process_records_fini(&watch->records);
	pthread_mutex_destroy(&watch->lock);
	free(watch->procfs);
	free(watch);
}

static struct process_watch *watch_new(const char *procfs)
{
	struct process_watch *watch = calloc(1, sizeof(*watch));
	if (!watch)
		return NULL;
	pthread_mutex_init(&watch->lock, NULL);
	watch->references = 1;
	watch->procfs = strdup(procfs);
	if (watch->procfs && !process_records_init(&watch->records))
		return watch;
	watch_free(watch);
	return NULL;
}

int process_watch_get(const char *procfs, struct process_watch **watch)
{
	pthread_mutex_lock(&watches_lock);
	struct process_watch *found = watches;
	while (found && strcmp(found->procfs, procfs) != 0)
		found = found->next;
	if (found) {
		found->references++;
	} else {
		found = watch_new(procfs);
		if (found) {
			found->next = watches;
			watches = found;
		}
	}
	pthread_mutex_unlock(&watches_lock);
	if (!found)
		return -ENOMEM;
	*watch = found;
	return 0;
}

void process_watch_put(struct process_watch *watch)
{
	if (!watch)
		return;
	pthread_mutex_lock(&watches_lock);
	const bool last = --watch->references == 0;
	struct process_watch **place = &watches;
	while (last && *place != watch)
		place = &(*place)->next;
	if (last)
		*place = watch->next;
	pthread_mutex_unlock(&watches_lock);
	if (last)
		watch_free(watch);
}

/* ---- one process ------------------------------------------------------------------------------------------------ */

static bool is_same_program(const struct process_reading *reading, const struct process_reading *before)
{
	return reading->image == before->image && !strcmp(reading->comm, before->comm);
}

/* `reading` has what stat says. prlimit(2) is rare: not worth a file each time. */
static void record_take(const struct looking *looking, struct process_record *record, bool due,
			struct process_reading *reading)
{
	const struct process_reading *before = &record->look.reading;
	const struct process_place place = process_place_of(record->look.pid, record->look.thread_of);
	const bool is_known =
		record->look.read && record->depth == PROCESS_ALL && is_same_program(reading, before) && !due;
	if (looking->depth == PROCESS_ALL) {
		process_files_more(looking->files, &place, !record->look.thread_of, reading);
		if (!record->look.thread_of)
			reading->max_fds = is_known ? before->max_fds : process_files_limit(looking->files, &place);
	}
	record->depth = looking->depth;
	record->look.reading = *reading;
	record->look.read = ++looking->watch->records.sequence;
}

/* Reads the files of a process that may have run, or is not known (NULL). 0 and its record, or -errno: it has none. */
static int record_read(const struct looking *looking, struct process_record **record, uint32_t pid, uint32_t thread_of,
		       const struct process_schedule *schedule)
{
	struct process_reading reading;
	struct process_record *known = *record;
	const struct process_place place = process_place_of(pid, thread_of);
	const int r = process_files_stat(looking->files, &place, &reading);
	const bool passed_on = !r && known && known->look.reading.start_ticks != reading.start_ticks;
	if (known && (r || passed_on)) {
		process_records_forget(&looking->watch->records, known);
		known = NULL;
	}
	if (r)
		return r;
	if (!known)
		known = process_records_add(&looking->watch->records, pid, thread_of);
	if (!known)
		return -ENOMEM;
	known->schedule = *schedule;
	record_take(looking, known, known->looks % PROCESS_REST_LOOKS == 0, &reading);
	*record = known;
	return 0;
}

static int record_look(const struct looking *looking, uint32_t pid, uint32_t thread_of)
{
	struct process_watch *watch = looking->watch;
	struct process_record *record = process_records_find(&watch->records, pid, thread_of);
	struct process_schedule schedule = {0, 0};
	bool is_told = false;
	if (record) {
		if (record->seen_ns >= looking->since_ns && record->depth >= looking->depth) {
			record->pass = watch->pass;
			return 0;
		}
		/* The schedule before the rest: what runs in between is seen next time. */
		const bool rested = process_record_rests(&watch->records, record, looking->files, &schedule);
		if (!rested)
			record->look.ran = ++watch->records.sequence;
		is_told = ++record->looks % PROCESS_REST_LOOKS && rested && record->depth >= looking->depth;
	}
	const int r = is_told ? 0 : record_read(looking, &record, pid, thread_of, &schedule);
	if (r)
		return r;
	record->pass = watch->pass;
	record->seen_ns = looking->now_ns;
	return 0;
}

/* Without a record, since somebody else has the lock. */
static int stranger_look(const struct process_files *files, uint32_t pid, uint32_t thread_of, struct process_look *look)
{
	const struct process_place place = process_place_of(pid, thread_of);
	struct process_look fresh = {.pid = pid, .thread_of = thread_of};
	const int r = process_files_stat(files, &place, &fresh.reading);
	if (r)
		return r;
	process_files_more(files, &place, !thread_of, &fresh.reading);
	if (!thread_of)
		fresh.reading.max_fds = process_files_limit(files, &place);
	*look = fresh;
	return 0;
}

int process_watch_look(struct process_watch *watch, const struct process_files *files, uint32_t pid, uint32_t thread_of,
		       int64_t now_ns, struct process_look *look)
{
	const struct looking looking = {
		.watch = watch, .files = files, .depth = PROCESS_ALL, .since_ns = INT64_MAX, .now_ns = now_ns};
	/* A pass may take long where there are many processes, and this caller may be the one that nobody may stall. */
	if (pthread_mutex_trylock(&watch->lock))
		return stranger_look(files, pid, thread_of, look);
	const int r = record_look(&looking, pid, thread_of);
	if (!r)
		*look = process_records_find(&watch->records, pid, thread_of)->look;
	pthread_mutex_unlock(&watch->lock);
	return r;
}

/* ---- all processes ---------------------------------------------------------------------------------------------- */

static bool is_forgotten(const struct process_watch *watch, const struct process_record *record)
{
	return record->look.thread_of ? watch->pass - record->pass > THREAD_PASSES : record->pass != watch->pass;
}

static void records_sweep(struct process_watch *watch)
{
	for (size_t i = 0; i < watch->records.bucket_count; i++)
		for (struct process_record **place = &watch->records.buckets[i]; *place;)
			if (is_forgotten(watch, *place))
				process_records_remove(&watch->records, place);
			else
				place = &(*place)->next;
}

static void pass_look(void *context, int directory_fd, uint32_t pid)
{
	const struct looking *looking = context;
	(void)directory_fd;
	const int r = record_look(looking, pid, 0);
	looking->watch->pass_unreadable += r == -EBADMSG || r == -ENOMEM;
}

static int watch_pass(struct looking *looking)
{
	struct process_watch *watch = looking->watch;
	watch->pass++;
	watch->pass_ns = 0;
	watch->pass_unreadable = 0;
	const int r = process_files_each_number(looking->files, ".", pass_look, looking);
	if (r)
		return r;
	records_sweep(watch);
	watch->pass_ns = looking->now_ns;
	watch->pass_depth = looking->depth;
	return 0;
}

int process_watch_pass(struct process_watch *watch, const struct process_files *files, int64_t since_ns,
		       enum process_depth depth, process_look_each *each, void *context, uint64_t *unreadable)
{
	int r = 0;
	struct looking looking = {.watch = watch, .files = files, .depth = depth, .since_ns = since_ns};
	pthread_mutex_lock(&watch->lock);
	looking.now_ns = monotonic_ns();
	if (!watch->pass_ns || watch->pass_ns < since_ns || watch->pass_depth < depth)
		r = watch_pass(&looking);
	for (size_t i = 0; !r && i < watch->records.bucket_count; i++)
		for (const struct process_record *record = watch->records.buckets[i]; record; record = record->next)
			if (!record->look.thread_of && record->depth >= depth)
				each(context, &record->look);
	if (!r)
		*unreadable = watch->pass_unreadable;
	pthread_mutex_unlock(&watch->lock);
	return r;
}
