/* SPDX-License-Identifier: MIT */
/* The names in a directory. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host_private.h"

#define ENTRIES_BYTES 16384u

static int list_add(struct list_store *store, const char *name, size_t count)
{
	size_t len = strlen(name) + 1;
	if (!host_buffer_reserve(&store->bytes, store->len + len))
		return -ENOMEM;
	if (count == store->capacity) {
		size_t capacity = store->capacity ? 2 * store->capacity : 64;
		const char **names = reallocarray(store->names, capacity, sizeof(*names));
		if (!names)
			return -ENOMEM;
		store->names = names;
		store->capacity = capacity;
	}
	memcpy(store->bytes.bytes + store->len, name, len);
	/* The bytes may still move: places first, pointers when all names are there. */
	store->names[count] = (const char *)store->len;
	store->len += len;
	return 0;
}

/* All names into the store; their number or -errno. */
static ssize_t list_fill(struct host *host, int fd, struct list_store *store)
{
	_Alignas(struct dirent64) char entries[ENTRIES_BYTES];
	size_t count = 0;
	store->len = 0;
	for (;;) {
		ssize_t bytes = getdents64(fd, entries, sizeof(entries));
		if (bytes < 0)
			return -errno;
		if (!bytes)
			return (ssize_t)count;
		for (ssize_t at = 0; at < bytes;) {
			const struct dirent64 *entry = (const struct dirent64 *)(entries + at);
			at += entry->d_reclen;
			if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
				continue;
			if (count == HOST_LIST_MAX) {
				host_skip(host);
				return (ssize_t)count;
			}
			int r = list_add(store, entry->d_name, count);
			if (r)
				return r;
			count++;
		}
	}
}

int host_list(struct host *host, unsigned list, enum host_root root, const char *path, struct host_list *names)
{
	struct list_store *store = &host->own->lists[list % HOST_LISTS];
	char full[HOST_PATH_MAX + 256];
	int r = host_path(host, root, path, full, sizeof(full));
	if (r)
		return r;
	int fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	ssize_t count = list_fill(host, fd, store);
	close(fd);
	if (count < 0)
		return (int)count;
	for (ssize_t i = 0; i < count; i++)
		store->names[i] = store->bytes.bytes + (size_t)store->names[i];
	*names = (struct host_list){store->names, (size_t)count};
	return 0;
}

static int name_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void host_list_sort(struct host *host, unsigned list, struct host_list *names)
{
	if (names->count)
		qsort(host->own->lists[list % HOST_LISTS].names, names->count, sizeof(*names->names), name_compare);
}
