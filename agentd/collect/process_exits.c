/* SPDX-License-Identifier: MIT */
/* What processes have done by the time they end: the thread that listens, and what it keeps until it is asked. */
#include "process_exits.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "host_hash.h"
#include "process_births.h"
#include "process_netlink.h"
#include "process_partials.h"

#define STACK_BYTES (128u * 1024)
#define MESSAGE_BYTES 16384u
#define EXITS_MAX 16384u
/* Where nobody waits for arguments, a thread that wakes less often costs less. */
#define LAZY_NS 50000000

struct exits_list {
	struct process_exit *items;
	size_t count;
	size_t capacity;
};

struct process_exits {
	pthread_mutex_t lock;
	pthread_t thread;
	bool started;
	int stop_fd;
	int taskstats_fd;
	int connector_fd;
	/* Guarded by the lock: */
	struct exits_list filling;
	struct exits_list taken;
	uint32_t *index; /* of filling.items, by hash of what makes two exits one; 0: none, else the place + 1 */
	size_t index_size;
	struct process_partials partials;
	struct process_births births;
	int64_t empty_ns;      /* CLOCK_MONOTONIC: when taskstats had nothing more to say */
	int64_t collection_ns; /* when the last collection had ended; INT64_MAX while there is one */
	uint64_t lost, overflow;
	uint64_t seed;
};

static int64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* ---- exits ------------------------------------------------------------------------------------------------------ */

static void list_empty(struct exits_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].arguments);
	list->count = 0;
}

static void list_fini(struct exits_list *list)
{
	list_empty(list);
	free(list->items);
}

static bool index_reserve(struct process_exits *exits)
{
	if (exits->index && 2 * exits->filling.capacity <= exits->index_size)
		return true;
	const size_t size = 4 * exits->filling.capacity;
	uint32_t *index = calloc(size, sizeof(*index));
	if (!index)
		return false;
	free(exits->index);
	exits->index = index;
	exits->index_size = size;
	return true;
}

static uint64_t exit_hash(const struct process_exits *exits, const struct process_exit *exit)
{
	uint64_t hash = host_hash_mix(host_hash_add(exits->seed, exit->comm), exit->parent);
	for (size_t at = 0; at < exit->arguments_len; at += strlen(exit->arguments + at) + 1)
		hash = host_hash_add(hash, exit->arguments + at);
	return hash ^ hash >> 32;
}

static bool exits_are_one(const struct process_exit *one, const struct process_exit *other)
{
	return other->since_collection && one->parent == other->parent && one->uid == other->uid &&
	       !strcmp(one->comm, other->comm) && one->arguments_len == other->arguments_len &&
	       (!one->arguments_len || !memcmp(one->arguments, other->arguments, one->arguments_len));
}

/* The place in the index of an equal exit, or the free one for it. */
static uint32_t *index_place(struct process_exits *exits, const struct process_exit *exit)
{
	size_t at = exit_hash(exits, exit) & (exits->index_size - 1);
	while (exits->index[at] && !exits_are_one(exit, &exits->filling.items[exits->index[at] - 1]))
		at = (at + 1) & (exits->index_size - 1);
	return &exits->index[at];
}

static bool list_reserve(struct process_exits *exits)
{
	struct exits_list *list = &exits->filling;
	if (list->count < list->capacity)
		return index_reserve(exits);
	if (list->capacity >= EXITS_MAX)
		return false;
	const size_t capacity = list->capacity ? 2 * list->capacity : 64;
	struct process_exit *items = reallocarray(list->items, capacity, sizeof(*items));
	if (!items)
		return false;
	list->items = items;
	list->capacity = capacity;
	const size_t size = exits->index_size;
	if (!index_reserve(exits))
		return false;
	for (size_t i = 0; size != exits->index_size && i < list->count; i++)
		if (list->items[i].since_collection)
			*index_place(exits, &list->items[i]) = (uint32_t)i + 1;
	return true;
}

/* Takes exit->arguments over. */
static void exit_keep(struct process_exits *exits, const struct process_exit *exit)
{
	if (exit->since_collection && exits->index) {
		const uint32_t place = *index_place(exits, exit);
		if (place) {
			struct process_exit *same = &exits->filling.items[place - 1];
			same->processes += exit->processes;
			process_counters_add(&same->counters, &exit->counters);
			free(exit->arguments);
			return;
		}
	}
	if (!list_reserve(exits)) {
		exits->overflow++;
		free(exit->arguments);
		return;
	}
	if (exit->since_collection)
		*index_place(exits, exit) = (uint32_t)exits->filling.count + 1;
	exits->filling.items[exits->filling.count++] = *exit;
}

/* The socket was empty at empty_ns, so that this end came later, and its begin no earlier than that less its life. */
static bool began_since_collection(const struct process_exits *exits, const struct process_thread_end *end)
{
	return exits->empty_ns - (int64_t)end->elapsed_ns > exits->collection_ns;
}

static void thread_ended(void *context, const struct process_thread_end *end)
{
	struct process_exits *exits = context;
	if (!end->last) {
		exits->overflow += !process_partials_add(&exits->partials, end->tgid, &end->counters);
		return;
	}
	struct process_exit exit = {
		.pid = end->tgid,
		.parent = end->parent,
		.uid = end->uid,
		.since_collection = began_since_collection(exits, end),
		.processes = 1,
		.counters = process_partials_take(&exits->partials, end->tgid),
	};
	memcpy(exit.comm, end->comm, sizeof(exit.comm));
	process_counters_add(&exit.counters, &end->counters);
	exit.arguments = process_births_take(&exits->births, end->tgid, &exit.arguments_len);
	exit_keep(exits, &exit);
}

static void executed(void *context, uint32_t pid)
{
	struct process_exits *exits = context;
	process_births_note(&exits->births, pid);
}

/* ---- draining --------------------------------------------------------------------------------------------------- */

/* One message; false when there is none. */
static bool message_receive(struct process_exits *exits, int fd, char *bytes, ssize_t *len)
{
	for (;;) {
		*len = fd < 0 ? -1 : recv(fd, bytes, MESSAGE_BYTES, MSG_DONTWAIT);
		if (*len >= 0)
			return true;
		if (fd < 0 || (errno != ENOBUFS && errno != EINTR))
			return false;
		exits->lost += errno == ENOBUFS;
	}
}

/* The connector first: who has ended was executed before. */
static void exits_drain(struct process_exits *exits)
{
	_Alignas(8) char bytes[MESSAGE_BYTES];
	ssize_t len;
	int64_t now_ns = monotonic_ns();
	while (message_receive(exits, exits->connector_fd, bytes, &len))
		process_connector_parse(bytes, (size_t)len, executed, exits);
	while (message_receive(exits, exits->taskstats_fd, bytes, &len)) {
		process_taskstats_parse(bytes, (size_t)len, thread_ended, exits);
		now_ns = monotonic_ns();
	}
	/* Read before the question that was answered with nothing: what comes later has ended later. */
	exits->empty_ns = now_ns;
}

static void *exits_main(void *context)
{
	struct process_exits *exits = context;
	const bool lazy = exits->connector_fd < 0;
	struct pollfd fds[] = {
		{.fd = exits->stop_fd, .events = POLLIN},
		{.fd = exits->taskstats_fd, .events = POLLIN},
		{.fd = exits->connector_fd, .events = POLLIN},
	};
	while (poll(fds, 3, -1) >= 0 || errno == EINTR) {
		if (fds[0].revents)
			break;
		pthread_mutex_lock(&exits->lock);
		exits_drain(exits);
		pthread_mutex_unlock(&exits->lock);
		if (lazy)
			poll(fds, 1, LAZY_NS / 1000000);
	}
	return NULL;
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

static int thread_start(struct process_exits *exits)
{
	pthread_attr_t attributes;
	exits->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (exits->stop_fd < 0)
		return -errno;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	const int r = -pthread_create(&exits->thread, &attributes, exits_main, exits);
	pthread_attr_destroy(&attributes);
	exits->started = !r;
	return r;
}

int process_exits_open(bool arguments, struct process_exits **exits)
{
	struct process_exits *fresh = calloc(1, sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	pthread_mutex_init(&fresh->lock, NULL);
	fresh->seed = host_hash_seed();
	fresh->stop_fd = fresh->connector_fd = -1;
	fresh->collection_ns = INT64_MAX;
	fresh->taskstats_fd = process_taskstats_open();
	int r = process_births_init(&fresh->births);
	if (!r && fresh->taskstats_fd >= 0 && arguments)
		fresh->connector_fd = process_connector_open();
	if (!r && fresh->taskstats_fd >= 0)
		r = thread_start(fresh);
	if (r)
		process_exits_close(fresh);
	else
		*exits = fresh;
	return r;
}

static void fd_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

void process_exits_close(struct process_exits *exits)
{
	const uint64_t one = 1;
	if (!exits)
		return;
	if (exits->started && write(exits->stop_fd, &one, sizeof(one)) == sizeof(one))
		pthread_join(exits->thread, NULL);
	fd_close(exits->taskstats_fd);
	fd_close(exits->connector_fd);
	fd_close(exits->stop_fd);
	list_fini(&exits->filling);
	list_fini(&exits->taken);
	process_births_fini(&exits->births);
	process_partials_fini(&exits->partials);
	free(exits->index);
	pthread_mutex_destroy(&exits->lock);
	free(exits);
}

/* ---- asking ----------------------------------------------------------------------------------------------------- */

void process_exits_begin(struct process_exits *exits)
{
	pthread_mutex_lock(&exits->lock);
	exits->collection_ns = INT64_MAX;
	pthread_mutex_unlock(&exits->lock);
}

const struct process_exit *process_exits_take(struct process_exits *exits, size_t *count)
{
	pthread_mutex_lock(&exits->lock);
	exits_drain(exits);
	const struct exits_list taken = exits->filling;
	list_empty(&exits->taken);
	exits->filling = exits->taken;
	exits->taken = taken;
	free(exits->index);
	exits->index = NULL;
	exits->index_size = 0;
	process_partials_age(&exits->partials);
	process_births_age(&exits->births);
	exits->collection_ns = monotonic_ns();
	pthread_mutex_unlock(&exits->lock);
	*count = exits->taken.count;
	return exits->taken.items;
}

struct process_exits_stats process_exits_stats(struct process_exits *exits)
{
	pthread_mutex_lock(&exits->lock);
	const struct process_exits_stats stats = {
		.taskstats = exits->taskstats_fd >= 0,
		.connector = exits->connector_fd >= 0,
		.lost = exits->lost,
		.overflow = exits->overflow + exits->births.overflow,
	};
	pthread_mutex_unlock(&exits->lock);
	return stats;
}
