/* SPDX-License-Identifier: MIT */
/* Opening the segment: adopt a dead run's, make a new one, or fall back to private memory of the same shape.
 *
 * Names are SERVICE.UID.K for K = 0, 1, 2 ... A name that leads to a locked file belongs to a live tree: next K. An
 * unlocked file of the same shape is adopted: the write lock keeps the agent and other adopters out, and after it was
 * taken the name must still lead to the same inode, or the file is the agent's by now. A free name gets a file that was
 * made whole beforehand (O_TMPFILE, size, content, lock, then linkat).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "private.h"

#define NAMES_MAX 65536 /* live trees of one service */
#define NAME_BYTES_MAX 200

struct mstat_root mstat_root __attribute__((aligned(4096)));

struct opening {
	const struct mstat_layout *layout;
	char service[256];
	char version[256];
	char directory[512];
	char stem[NAME_BYTES_MAX + 24]; /* SERVICE.UID */
	int directory_fd;
	int made_fd; /* a file that is complete but has no name yet */
	int reason, error;
};

/* ---- layout ---- */

static uint64_t align_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

static uint32_t or_default(uint32_t wanted, uint32_t otherwise)
{
	return wanted ? wanted : otherwise;
}

/* Options within what 32-bit offsets can address; false names them out of range. */
static bool layout_compute(const struct mstat_options *options, struct mstat_layout *layout)
{
	static const struct mstat_options defaults;
	const struct mstat_options *o = options ? options : &defaults;
	uint64_t page = mstat_max(mstat_page_bytes(), (size_t)4096);
	memset(layout, 0, sizeof(*layout));
	layout->cpu_count = mstat_identity_cpu_count();
	layout->series_max = or_default(o->series_max, 65536);
	layout->family_series_max = or_default(o->family_series_max, 16384);
	layout->label_bytes_max = or_default(o->label_bytes_max, 1024);
	layout->process_max = or_default(o->process_max, 256);
	layout->gauge_cell_max = or_default(o->gauge_max, 16384) + MSTAT_GAUGE_FIRST;
	layout->arena_bytes = or_default(o->arena_bytes, 16u << 20);
	layout->cell_max = or_default(o->cell_max, mstat_max(layout->series_max, 524288u)) + MSTAT_SHM_CELL_FIRST;
	layout->exemplar_max = or_default(o->exemplar_max, 512) + MSTAT_SHM_EXEMPLAR_WAYS - 1;
	if (layout->series_max > 1u << 24 || layout->label_bytes_max > 65536 || layout->process_max > 65536 ||
	    layout->gauge_cell_max > 1u << 22 || layout->arena_bytes < 4096 || layout->arena_bytes > 1u << 31 ||
	    layout->cell_max > 1u << 28 || layout->exemplar_max > 1u << 20)
		return false;
	layout->row_stride = (uint32_t)align_up(layout->cell_max * 8ull, page);
	layout->gauge_stride = (uint32_t)align_up(layout->gauge_cell_max * 8ull, page);
	layout->cell_max = layout->row_stride / 8;
	layout->gauge_cell_max = layout->gauge_stride / 8;
	uint64_t row_count = layout->cpu_count + MSTAT_SHARED_ROWS;
	layout->arena_off = page;
	layout->arena_bytes = align_up(layout->arena_bytes, page);
	layout->entries_off = layout->arena_off + layout->arena_bytes;
	layout->row_states_off = layout->entries_off + align_up(layout->series_max * 16ull, page);
	layout->processes_off = layout->row_states_off + align_up(row_count * 8, page);
	layout->rows_off = layout->processes_off + align_up(layout->process_max * 64ull, page);
	layout->gauges_off = layout->rows_off + row_count * layout->row_stride;
	layout->exemplars_off = layout->gauges_off + (layout->process_max + 1ull) * layout->gauge_stride;
	layout->file_bytes =
		align_up(layout->exemplars_off + layout->exemplar_max * sizeof(struct mstat_shm_exemplar), page);
	return true;
}

static void header_regions(struct mstat_shm_header *header, const struct mstat_layout *layout)
{
	uint64_t row_count = layout->cpu_count + MSTAT_SHARED_ROWS;
	const struct mstat_shm_region regions[] = {
		{MSTAT_SHM_REGION_ARENA, 1, layout->arena_off, layout->arena_bytes, 1, 0},
		{MSTAT_SHM_REGION_SERIES, 1, layout->entries_off, layout->series_max * 16ull, 16, 0},
		{MSTAT_SHM_REGION_ROW_STATES, 1, layout->row_states_off, row_count * 8, 8, 0},
		{MSTAT_SHM_REGION_ROWS, 1, layout->rows_off, row_count * layout->row_stride, layout->row_stride, 0},
		{MSTAT_SHM_REGION_PROCESSES, 1, layout->processes_off, layout->process_max * 64ull, 64, 0},
		{MSTAT_SHM_REGION_GAUGES, 1, layout->gauges_off, (layout->process_max + 1ull) * layout->gauge_stride,
		 layout->gauge_stride, 0},
		{MSTAT_SHM_REGION_EXEMPLARS, 1, layout->exemplars_off,
		 layout->exemplar_max * sizeof(struct mstat_shm_exemplar), sizeof(struct mstat_shm_exemplar), 0},
	};
	_Static_assert(sizeof(regions) / sizeof(*regions) <= MSTAT_SHM_REGION_MAX, "segment format");
	header->region_count = sizeof(regions) / sizeof(*regions);
	memcpy(header->regions, regions, sizeof(regions));
}

/* The part of a header that says what a segment is and who may adopt it. */
static void header_shape(struct mstat_shm_header *header, const struct mstat_layout *layout)
{
	header->magic = MSTAT_SHM_MAGIC;
	header->byte_order = MSTAT_SHM_BYTE_ORDER;
	header->major = MSTAT_SHM_MAJOR;
	header->minor = MSTAT_SHM_MINOR;
	header->header_bytes = MSTAT_SHM_HEADER_BYTES;
	header->file_bytes = layout->file_bytes;
	header->uid = geteuid();
	header->cpu_count = layout->cpu_count;
	header->shared_row_count = MSTAT_SHARED_ROWS;
	header->cell_max = layout->cell_max;
	header->series_max = layout->series_max;
	header->family_series_max = layout->family_series_max;
	header->process_max = layout->process_max;
	header->gauge_cell_max = layout->gauge_cell_max;
	header->label_bytes_max = layout->label_bytes_max;
	header->exemplar_max = layout->exemplar_max;
	header_regions(header, layout);
}

/* ---- content of a new segment ---- */

static uint32_t string_append(struct mstat_shm_header *header, const char *text)
{
	uint32_t offset = (uint32_t)header->arena_published, len = (uint32_t)strlen(text);
	struct mstat_shm_string *string = mstat_arena(offset);
	string->record.kind = MSTAT_SHM_RECORD_STRING;
	string->record.bytes = (uint32_t)align_up(offsetof(struct mstat_shm_string, text) + len + 1, 8);
	string->len = len;
	memcpy(string->text, text, len);
	header->arena_published += string->record.bytes;
	return offset;
}

static void header_opened(struct mstat_shm_header *header)
{
	header->pid = (uint32_t)getpid();
	header->start_ticks = mstat_identity_start_ticks(0);
	header->opened_ns = mstat_realtime_ns();
}

/* Fills the mapping at mstat_root.base; 0 or the reason. Nobody else can see it yet. */
static int segment_fill(struct opening *opening)
{
	const struct mstat_layout *layout = opening->layout;
	int reason = mstat_populate(0, layout->arena_off + mstat_page_bytes());
	if (!reason)
		reason = mstat_populate(layout->row_states_off, (layout->cpu_count + MSTAT_SHARED_ROWS) * 8ull);
	if (!reason)
		reason = mstat_populate(layout->gauges_off, MSTAT_GAUGE_FIRST * 8);
	if (reason)
		return reason;
	struct mstat_shm_header *header = mstat_header();
	header_shape(header, layout);
	mstat_identity_uuid(header->uuid);
	mstat_identity_boot(header->boot_id);
	header->created_ns = mstat_realtime_ns();
	header->arena_published = MSTAT_SHM_ARENA_FIRST;
	header->service_off = string_append(header, opening->service);
	header->version_off = string_append(header, opening->version);
	header->gauge_cells_published = MSTAT_GAUGE_FIRST;
	header_opened(header);
	/* The shared rows take over wherever a CPU's row cannot be had: they must exist from the start. */
	for (uint32_t row = layout->cpu_count; row < layout->cpu_count + MSTAT_SHARED_ROWS && !reason; row++) {
		reason = mstat_populate(layout->rows_off + (uint64_t)row * layout->row_stride, 8);
		*mstat_row_state(row) = mstat_page_bytes() / 8;
	}
	header->cells_published = MSTAT_SHM_CELL_FIRST;
	return reason;
}

/* ---- files ---- */

static int lock_tree(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = MSTAT_SHM_LOCK_TREE, .l_len = 1};
	return fcntl(fd, F_OFD_SETLK, &lock);
}

static int segment_map(int fd, uint64_t bytes)
{
	int flags = fd < 0 ? MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED | MAP_NORESERVE;
	char *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (base == MAP_FAILED)
		return MSTAT_REASON_NO_MEMORY;
	mstat_root.base = base;
	return 0;
}

static void segment_unmap(uint64_t bytes)
{
	munmap(mstat_root.base, bytes);
	mstat_root.base = NULL;
}

/* A file without a name, complete and locked, mapped at mstat_root.base. */
static int file_make(struct opening *opening)
{
	struct rlimit limit;
	uint64_t bytes = opening->layout->file_bytes;
	/* Growing a file beyond RLIMIT_FSIZE raises SIGXFSZ. */
	if (!getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < bytes)
		return opening->error = EFBIG, MSTAT_REASON_NO_SPACE;
	int fd = openat(opening->directory_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0640);
	if (fd < 0)
		return opening->error = errno, mstat_reason_of_errno(errno);
	/* The mode again: a umask may have taken the group's read permission, which is the agent's. */
	if (fchmod(fd, 0640) || ftruncate(fd, (off_t)bytes) || lock_tree(fd)) {
		opening->error = errno;
		close(fd);
		return mstat_reason_of_errno(opening->error);
	}
	int reason = segment_map(fd, bytes);
	if (!reason) {
		mstat_root.made_fd = fd;
		reason = segment_fill(opening);
		mstat_root.made_fd = -1;
		if (reason)
			segment_unmap(bytes);
	}
	if (reason)
		close(fd);
	else
		opening->made_fd = fd;
	return reason;
}

static int file_link(const struct opening *opening, const char *name)
{
	char proc[40];
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", opening->made_fd);
	if (!linkat(AT_FDCWD, proc, opening->directory_fd, name, AT_SYMLINK_FOLLOW))
		return 0;
	/* Without /proc: needs CAP_DAC_READ_SEARCH on older kernels. */
	if (errno == ENOENT && !linkat(opening->made_fd, "", opening->directory_fd, name, AT_EMPTY_PATH))
		return 0;
	return errno;
}

/* ---- adoption ---- */

static bool string_equals(uint32_t offset, uint64_t arena_bytes, const char *text)
{
	size_t len = strlen(text);
	const struct mstat_shm_string *string = mstat_arena(offset);
	return offset % 8 == 0 && offset <= arena_bytes && arena_bytes - offset >= sizeof(*string) &&
	       string->len == len && arena_bytes - offset - 12 > len && !memcmp(string->text, text, len);
}

/* A segment that this program could have made itself, apart from what changes in its life. */
static bool header_adoptable(const struct mstat_shm_header *header, const struct mstat_layout *layout)
{
	struct mstat_shm_header wanted = {0};
	header_shape(&wanted, layout);
	return header->magic == wanted.magic && header->byte_order == wanted.byte_order &&
	       header->major == wanted.major && header->minor == wanted.minor &&
	       header->header_bytes == wanted.header_bytes && header->compatible == 0 && header->incompatible == 0 &&
	       header->file_bytes == wanted.file_bytes && header->region_count == wanted.region_count &&
	       !memcmp(header->regions, wanted.regions, sizeof(wanted.regions)) && header->uid == wanted.uid &&
	       header->cpu_count == wanted.cpu_count && header->shared_row_count == wanted.shared_row_count &&
	       header->cell_max == wanted.cell_max && header->series_max == wanted.series_max &&
	       header->family_series_max == wanted.family_series_max && header->process_max == wanted.process_max &&
	       header->gauge_cell_max == wanted.gauge_cell_max && header->label_bytes_max == wanted.label_bytes_max &&
	       header->exemplar_max == wanted.exemplar_max && header->arena_published <= layout->arena_bytes &&
	       header->series_published <= layout->series_max && header->cells_published <= layout->cell_max &&
	       header->gauge_cells_published <= layout->gauge_cell_max;
}

/* Still the file that the name leads to, ours, and only there? Asked with the lock held. */
static bool file_ours(const struct opening *opening, int fd, const char *name)
{
	struct stat file, named;
	return !fstat(fd, &file) && S_ISREG(file.st_mode) && file.st_uid == geteuid() && file.st_nlink == 1 &&
	       !(file.st_mode & (S_IWGRP | S_IWOTH)) && (uint64_t)file.st_size == opening->layout->file_bytes &&
	       !fstatat(opening->directory_fd, name, &named, AT_SYMLINK_NOFOLLOW) && named.st_ino == file.st_ino &&
	       named.st_dev == file.st_dev;
}

/* Returns whether the file was adopted; it is mapped then. Anything unfit is left alone for the agent. */
static bool file_adopt(struct opening *opening, const char *name)
{
	struct mstat_shm_header header;
	bool adopted = false;
	int fd = openat(opening->directory_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return false;
	if (lock_tree(fd) || !file_ours(opening, fd, name) || pread(fd, &header, sizeof(header), 0) != sizeof(header) ||
	    !header_adoptable(&header, opening->layout) || segment_map(fd, opening->layout->file_bytes))
		goto out;
	struct mstat_index *index = NULL;
	if (string_equals(header.service_off, header.arena_published, opening->service) &&
	    string_equals(header.version_off, header.arena_published, opening->version))
		index = mstat_index_new();
	adopted = index && mstat_index_sync(index);
	if (!adopted) {
		mstat_index_free(index);
		segment_unmap(opening->layout->file_bytes);
		goto out;
	}
	/* Whoever held it is dead. */
	mstat_header()->lock = 0;
	mstat_slots_retire_all();
	mstat_header()->adoptions++;
	header_opened(mstat_header());
	mstat_process.index = index;
out:
	close(fd); /* the mapping keeps the lock */
	return adopted;
}

static bool name_taken(const struct opening *opening, const char *name)
{
	struct stat status;
	return !fstatat(opening->directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) || errno != ENOENT;
}

/* Goes through the names until one is adopted or made; 0 or the reason. */
static int names_try(struct opening *opening)
{
	char name[NAME_BYTES_MAX + 40];
	for (unsigned int k = 0; k < NAMES_MAX; k++) {
		snprintf(name, sizeof(name), "%s.%u", opening->stem, k);
		if (name_taken(opening, name)) {
			/* With a file of its own already made, a late adoption would need a second mapping. */
			if (opening->made_fd < 0 && file_adopt(opening, name))
				break;
			continue;
		}
		if (opening->made_fd < 0) {
			int reason = file_make(opening);
			if (reason)
				return reason;
		}
		int error = file_link(opening, name);
		if (!error)
			break;
		if (error != EEXIST)
			return opening->error = error, mstat_reason_of_errno(error);
	}
	if (!mstat_root.base)
		return MSTAT_REASON_TOO_MANY_SEGMENTS;
	snprintf(mstat_root.path, sizeof(mstat_root.path), "%s/%s", opening->directory, name);
	return 0;
}

/* SERVICE of a file name: other characters than these become '_'; a long one keeps its head and gets a hash. */
static void stem_make(struct opening *opening)
{
	char safe[NAME_BYTES_MAX + 1];
	uint32_t hash = 2166136261u;
	size_t len = 0;
	for (const char *c = opening->service; *c; c++) {
		bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
			     *c == '_' || *c == '-' || (*c == '.' && c != opening->service);
		hash = (hash ^ (unsigned char)*c) * 16777619u;
		if (len < NAME_BYTES_MAX - 10)
			safe[len++] = plain ? *c : '_';
	}
	safe[len] = 0;
	if (strlen(opening->service) > len || strcmp(safe, opening->service))
		snprintf(safe + len, sizeof(safe) - len, "-%08x", hash);
	snprintf(opening->stem, sizeof(opening->stem), "%s.%u", safe, (unsigned int)geteuid());
}

static int file_open(struct opening *opening, const struct mstat_options *options)
{
	int reason = 0;
	opening->directory_fd = mstat_directory_open(options ? options->directory : NULL, opening->directory,
						     sizeof(opening->directory), &reason, &opening->error);
	if (opening->directory_fd < 0)
		return reason;
	stem_make(opening);
	reason = names_try(opening);
	if (reason && mstat_root.base)
		segment_unmap(opening->layout->file_bytes);
	if (opening->made_fd >= 0)
		close(opening->made_fd); /* the mapping keeps the lock */
	close(opening->directory_fd);
	return reason;
}

bool mstat_root_open(const struct mstat_options *options)
{
	static struct mstat_layout layout; /* large, and only one thread is here */
	static struct opening opening;
	opening = (struct opening){.layout = &layout, .directory_fd = -1, .made_fd = -1};
	int reason = 0;
	if (!layout_compute(options, &layout)) {
		mstat_refuse(MSTAT_REASON_OPTIONS);
		layout_compute(NULL, &layout);
	}
	mstat_identity_service(options ? options->service : NULL, opening.service, sizeof(opening.service));
	mstat_identity_version(options ? options->version : NULL, opening.version, sizeof(opening.version));
	mstat_root.layout = layout;
	mstat_root.exposed = 1;
	mstat_root.made_fd = -1;
	reason = file_open(&opening, options);
	if (reason) {
		mstat_root_fail(reason, opening.error);
		mstat_root.exposed = 0;
		mstat_root.path[0] = 0;
		/* Private memory of the same shape: children share it, everything works, nobody sees it. */
		if (segment_map(-1, layout.file_bytes))
			return false;
		if (segment_fill(&opening)) {
			segment_unmap(layout.file_bytes);
			return false;
		}
	}
	mstat_root.reuse_epoch = mstat_header()->reuse_epoch;
	return true;
}
