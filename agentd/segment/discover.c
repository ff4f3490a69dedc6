/* SPDX-License-Identifier: MIT */
/* Discovery: the names of a directory become segments, and stay the same segments while the names are there. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "discover.h"

/* Everybody may put names into the directory: no scan looks at more of them than this. */
#define NAMES_PER_SCAN_MAX (1u << 20)

/* The agent's own sub-directory for segments that are being folded. */
#define FOLDING_NAME "folding"

struct name_list {
	char **names;
	size_t count;
	size_t capacity;
};

/* Reads a decimal number without leading zeros that ends at `end`; *begin receives its first digit. */
static bool decimal_before(const char *name, const char *end, const char **begin, uint64_t *number)
{
	const char *first = end;
	uint64_t value = 0;

	while (first > name && first[-1] >= '0' && first[-1] <= '9')
		first--;
	if (first == end || end - first > 10 || (*first == '0' && end - first > 1))
		return false;
	for (const char *digit = first; digit < end; digit++)
		value = value * 10 + (uint64_t)(*digit - '0');
	*begin = first;
	*number = value;
	return true;
}

bool segment_name_valid(const char *name, uid_t *uid)
{
	const char *begin;
	uint64_t ordinal;
	uint64_t owner;

	if (*name == '.' || strchr(name, '/'))
		return false;
	if (!decimal_before(name, name + strlen(name), &begin, &ordinal) || begin == name || begin[-1] != '.')
		return false;
	if (!decimal_before(name, begin - 1, &begin, &owner) || begin - name < 2 || begin[-1] != '.')
		return false;
	/* The highest number is no user: it means "none" in system calls. */
	if (ordinal > UINT32_MAX || owner >= UINT32_MAX)
		return false;
	if (uid)
		*uid = (uid_t)owner;
	return true;
}

size_t segment_default_directories(char *paths[3])
{
	const char *chosen = secure_getenv("MSTAT_DIR");
	const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
	size_t count = 0;
	char *path;

	if (chosen && *chosen) {
		paths[0] = strdup(chosen);
		return paths[0] ? 1 : 0;
	}
	paths[count] = strdup("/run/mstat");
	count += paths[count] != NULL;
	if (runtime && *runtime == '/' && asprintf(&path, "%s/mstat", runtime) >= 0)
		paths[count++] = path;
	if (asprintf(&path, "/dev/shm/mstat-%u", (unsigned)geteuid()) >= 0)
		paths[count++] = path;
	return count;
}

int segment_directory_init(struct segment_directory *directory, const char *path)
{
	char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	*directory = (struct segment_directory){.path = copy, .fd = -1};
	return 0;
}

static void directory_forget(struct segment_directory *directory)
{
	for (size_t i = 0; i < directory->count; i++)
		segment_free(directory->segments[i]);
	directory->count = 0;
	directory->ignored = 0;
	directory->over_limit = 0;
	if (directory->fd >= 0)
		close(directory->fd);
	directory->fd = -1;
}

void segment_directory_fini(struct segment_directory *directory)
{
	directory_forget(directory);
	free(directory->segments);
	free(directory->path);
	directory->segments = NULL;
	directory->capacity = 0;
	directory->path = NULL;
}

/* Whether the path still leads to the directory that is open. */
static bool directory_is_current(const struct segment_directory *directory)
{
	struct stat open_one;
	struct stat named;

	return !fstat(directory->fd, &open_one) && !stat(directory->path, &named) && open_one.st_dev == named.st_dev &&
	       open_one.st_ino == named.st_ino;
}

static int directory_open(struct segment_directory *directory)
{
	if (directory->fd >= 0 && directory_is_current(directory))
		return 0;
	directory_forget(directory);
	directory->fd = open(directory->path, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
	return directory->fd < 0 ? -errno : 0;
}

static int names_add(struct name_list *list, const char *name)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 16;
		char **names = reallocarray(list->names, capacity, sizeof(*names));
		if (!names)
			return -ENOMEM;
		list->names = names;
		list->capacity = capacity;
	}
	list->names[list->count] = strdup(name);
	if (!list->names[list->count])
		return -ENOMEM;
	list->count++;
	return 0;
}

static void names_fini(struct name_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->names[i]);
	free(list->names);
}

static int name_compare(const void *name, const void *segment)
{
	return strcmp(name, (*(struct segment *const *)segment)->name);
}

static int segment_compare(const void *one, const void *other)
{
	return name_compare((*(struct segment *const *)one)->name, other);
}

/* Position of a name in the sorted list, SIZE_MAX when it is new. */
static size_t segment_position(const struct segment_directory *directory, const char *name)
{
	struct segment **found = directory->count ? bsearch(name, directory->segments, directory->count,
							    sizeof(*directory->segments), name_compare)
						  : NULL;
	return found ? (size_t)(found - directory->segments) : SIZE_MAX;
}

/* Lists the directory: `seen` marks the segments that are still there, `fresh` takes at most entries_max new names. */
static int directory_list(struct segment_directory *directory, DIR *stream, size_t entries_max, bool *seen,
			  struct name_list *fresh)
{
	uint32_t looked_at = 0;

	directory->ignored = 0;
	directory->over_limit = 0;
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(stream);
		if (!entry)
			return -errno;
		if (entry->d_name[0] == '.' || !strcmp(entry->d_name, FOLDING_NAME))
			continue;
		if (++looked_at > NAMES_PER_SCAN_MAX) {
			directory->over_limit++;
			return 0;
		}
		if (!segment_name_valid(entry->d_name, NULL)) {
			directory->ignored++;
			continue;
		}
		size_t position = segment_position(directory, entry->d_name);
		if (position != SIZE_MAX)
			seen[position] = true;
		else if (fresh->count >= entries_max)
			directory->over_limit++;
		else if (names_add(fresh, entry->d_name))
			return -ENOMEM;
	}
}

/* Frees the segments whose names are gone, and those that a lowered limit has no room for; others keep their order. */
static void segments_prune(struct segment_directory *directory, const bool *seen, size_t entries_max)
{
	size_t kept = 0;

	for (size_t i = 0; i < directory->count; i++) {
		if (seen[i] && kept < entries_max) {
			directory->segments[kept++] = directory->segments[i];
			continue;
		}
		directory->over_limit += seen[i];
		segment_free(directory->segments[i]);
	}
	directory->count = kept;
}

/* Those that are known stay before new ones are taken in: a flood of names cannot push them out. */
static int segments_add(struct segment_directory *directory, const struct name_list *fresh, size_t entries_max)
{
	size_t room = directory->count < entries_max ? entries_max - directory->count : 0;
	size_t added = fresh->count < room ? fresh->count : room;

	directory->over_limit += fresh->count - added;
	if (!added)
		return 0;
	struct segment **grown = reallocarray(directory->segments, directory->count + added, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	directory->segments = grown;
	directory->capacity = directory->count + added;
	for (size_t i = 0; i < added; i++) {
		struct segment *segment = segment_new(fresh->names[i]);
		if (!segment)
			return -ENOMEM;
		directory->segments[directory->count++] = segment;
	}
	qsort(directory->segments, directory->count, sizeof(*directory->segments), segment_compare);
	return 0;
}

/* A stream with a position of its own: the directory's descriptor stays usable. */
static DIR *stream_open(const struct segment_directory *directory)
{
	int fd = openat(directory->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !stream)
		close(fd);
	return stream;
}

static int directory_update(struct segment_directory *directory, size_t entries_max)
{
	struct name_list fresh = {0};
	bool *seen = calloc(directory->count + 1, sizeof(*seen));
	DIR *stream = NULL;
	int error = -ENOMEM;

	if (!seen)
		goto out;
	stream = stream_open(directory);
	error = -errno;
	if (!stream)
		goto out;
	error = directory_list(directory, stream, entries_max, seen, &fresh);
	if (error)
		goto out;
	segments_prune(directory, seen, entries_max);
	error = segments_add(directory, &fresh, entries_max);
out:
	if (stream)
		closedir(stream);
	free(seen);
	names_fini(&fresh);
	return error;
}

int segment_directory_scan(struct segment_directory *directory, size_t entries_max)
{
	int error = directory_open(directory);

	if (!error)
		error = directory_update(directory, entries_max);
	if (error)
		directory_forget(directory);
	directory->error = -error;
	return error;
}

void segment_directory_read(struct segment_directory *directory, const struct segment_limits *limits)
{
	for (size_t i = 0; i < directory->count; i++)
		segment_read(directory->segments[i], directory->fd, limits);
}
