/* SPDX-License-Identifier: MIT */
/* Containers: the control groups of this machine with cAdvisor's families, for cgroup v1, v2 and both side by side.
 *
 *   container_hierarchies.c  where the hierarchies are mounted, and which of them tells what
 *   container_groups.c       what is remembered of a group from one collection to the next: labels, open files
 *   container_walk.c         the walk of one hierarchy
 *   container_v1.c, _v2.c    the files of one group and their samples
 *   container_pods.c         names of pods and containers of Kubernetes
 *   container_start.c        when a group came to be
 *   container.c              the collector
 */
#ifndef AGENTD_COLLECT_CONTAINER_H
#define AGENTD_COLLECT_CONTAINER_H

#include <sys/stat.h>

#include "container_identity.h"
#include "host.h"

/* ---- hierarchies ------------------------------------------------------------------------------------------------ */

/* What is told of a group. Where v1 and v2 are mounted side by side, each section comes from one of them. */
enum container_section {
	CONTAINER_CPU_USAGE = 1,
	CONTAINER_CPU_LIMITS = 2,
	CONTAINER_MEMORY = 4,
	CONTAINER_IO = 8,
	CONTAINER_TASKS = 16,
	CONTAINER_PRESSURE = 32,
	CONTAINER_ALL = 63,
};

struct container_hierarchy {
	char *path; /* in full, in front of it --path.rootfs */
	int version;
	unsigned sections;
};
#define CONTAINER_HIERARCHIES_MAX 16u

struct container_hierarchies {
	struct container_hierarchy list[CONTAINER_HIERARCHIES_MAX];
	size_t count;
};

/* Reads the mount table of process 1, else our own. 0, -ENODATA if no hierarchy that tells something is mounted, or
 * -errno. What `hierarchies` held is freed first. */
int container_hierarchies_find(struct host *host, struct container_hierarchies *hierarchies);
void container_hierarchies_fini(struct container_hierarchies *hierarchies);

/* ---- groups ----------------------------------------------------------------------------------------------------- */

enum container_file {
#define CONTAINER_FILE(symbol, name) CONTAINER_FILE_##symbol,
#include "container_files.def"
	CONTAINER_FILE_COUNT
};

enum container_family {
#define CONTAINER_FAMILY(symbol, ...) CONTAINER_FAMILY_##symbol,
#include "container_families.def"
	CONTAINER_FAMILY_COUNT
};

struct container_group {
	struct container_group *next; /* of the same hash */
	char *path;                   /* below the hierarchy: "/", "/system.slice" */
	struct container_identity identity;
	char *pod; /* names of Kubernetes, or NULL where they are not known */
	char *namespace;
	char *container;
	unsigned names_tries;    /* how often they were looked for */
	uint32_t collection;     /* in which it was seen last */
	int first_version;       /* of the hierarchy in which it was seen first, */
	unsigned first_sections; /* what that one tells, */
	ino_t inode;             /* and its directory there: another one is another group of the same path */
	double start_time_seconds;
	int files[CONTAINER_FILE_COUNT]; /* descriptor + 1, or 0 */
};

#define CONTAINER_BUCKETS 1024u

/* Groups that are not told, by reason. */
struct container_left_out {
	uint64_t depth, count, pattern;
};

struct container_state {
	struct host_filter paths;
	struct container_hierarchies hierarchies;
	struct container_group *buckets[CONTAINER_BUCKETS];
	uint64_t seed;
	size_t group_count;
	size_t files_kept;
	uint32_t collection;
	size_t taken;                       /* groups in this collection */
	struct container_left_out left_out; /* the greatest of any hierarchy */
	char *buffer;                       /* CONTAINER_BUFFER_BYTES + 1 */
	struct container_device *devices;
	size_t device_count;
	double boot_time_seconds; /* 0: not read yet */
	int64_t clock_ticks;
	struct host_list pod_directories, container_logs; /* of Kubernetes, as listed in `listed` */
	uint32_t listed;
};
#define CONTAINER_BUFFER_BYTES 65536u

/* The group of a path. `create`: made where it is new; NULL when out of memory. Else NULL where it is new. */
struct container_group *container_group_get(struct container_state *state, const char *path, bool create);
/* Forgets groups that were not seen in this collection. */
void container_groups_sweep(struct container_state *state);
void container_groups_fini(struct container_state *state);
/* Closes what is open of a group. */
void container_group_close(struct container_state *state, struct container_group *group);

/* ---- reading one group ------------------------------------------------------------------------------------------ */

/* A group in the walk: what readers get. */
struct container_place {
	struct host *host;
	struct container_group *group;
	int directory_fd;
	unsigned sections;
};

/* Reads a file of the group into the state's buffer, from a kept descriptor if there is one. 0 or -errno. */
int container_read(const struct container_place *place, enum container_file file, struct text *text);
/* A file that holds one number, or "max" and -1, which are UINT64_MAX. */
int container_read_u64(const struct container_place *place, enum container_file file, uint64_t *value);

void container_sample(const struct container_place *place, enum container_family family, struct number number,
		      const char *const *further);
#define container_u64(place, family, value, ...)                                                                       \
	container_sample(place, CONTAINER_FAMILY_##family, (struct number){.type = NUMBER_U64, .u64 = (value)},        \
			 HOST_VALUES(__VA_ARGS__))
#define container_f64(place, family, value, ...)                                                                       \
	container_sample(place, CONTAINER_FAMILY_##family, (struct number){.type = NUMBER_F64, .f64 = (value)},        \
			 HOST_VALUES(__VA_ARGS__))

/* How many processes there are in the group itself: lines of cgroup.procs. */
void container_processes_sample(const struct container_place *place, enum container_file file);

/* A limit as cAdvisor tells it: none is 0. */
uint64_t container_limit(uint64_t value);

/* The name of a block device ("/dev/sda"), looked up once; its numbers where it has none. */
const char *container_device_name(struct host *host, unsigned device_major, unsigned device_minor);

void container_v1_sample(const struct container_place *place);
void container_v2_sample(const struct container_place *place);

/* ---- the walk --------------------------------------------------------------------------------------------------- */

/* Walks one hierarchy and samples its groups. 0, or -errno if not even its root can be read. */
int container_walk(struct host *host, const struct container_hierarchy *hierarchy);

/* Fills in the names of pod, namespace and container for a group of Kubernetes that has none yet. */
void container_pod_resolve(struct host *host, struct container_group *group);

/* When the group came to be: the birth of its directory as far as the kernel remembers it, or the start of the first
 * process in it, whichever is earlier. */
double container_start_time(struct host *host, int directory_fd, const struct stat *status);

#endif
