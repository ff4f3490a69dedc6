/* SPDX-License-Identifier: MIT */
/* Arrays of BPF programs in the agent's memory. */
#include "bpf_region.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <mstat/atomic.h>

uint32_t bpf_cpu_count(void)
{
	int cpus = libbpf_num_possible_cpus();
	return cpus > 0 ? (uint32_t)cpus : 0;
}

int bpf_region_resize(struct bpf_map *map, uint32_t keys, uint32_t rows)
{
	return bpf_map__set_max_entries(map, keys * rows);
}

int bpf_region_open(struct bpf_map *map, uint32_t keys, uint32_t rows, struct bpf_region *region)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t bytes = ((size_t)bpf_map__value_size(map) * keys * rows + page - 1) / page * page;
	const int fd = bpf_map__fd(map);
	assert(bpf_map__value_size(map) % sizeof(uint64_t) == 0);
	/* A map that was mapped for writing once cannot be frozen any more, so this comes first. */
	if (bpf_map_freeze(fd))
		return -errno;
	void *words = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (words == MAP_FAILED)
		return -errno;
	*region = (struct bpf_region){
		.words = words,
		.mapped_bytes = bytes,
		.value_words = bpf_map__value_size(map) / (uint32_t)sizeof(uint64_t),
		.keys = keys,
		.rows = rows,
	};
	return 0;
}

void bpf_region_close(struct bpf_region *region)
{
	if (region->words)
		munmap((void *)(uintptr_t)region->words, region->mapped_bytes);
	*region = (struct bpf_region){.words = NULL};
}

uint64_t bpf_region_sum(const struct bpf_region *region, uint32_t key, uint32_t word)
{
	uint64_t sum = 0;
	assert(key < region->keys && word < region->value_words);
	for (uint32_t row = 0; row < region->rows; row++)
		sum += mstat_load_relaxed(bpf_region_value(region, row, key) + word);
	return sum;
}

void bpf_region_sums(const struct bpf_region *region, uint32_t key, uint32_t count, uint64_t *sums)
{
	assert(key < region->keys && count <= region->value_words);
	memset(sums, 0, count * sizeof(*sums));
	for (uint32_t row = 0; row < region->rows; row++) {
		const uint64_t *words = bpf_region_value(region, row, key);
		for (uint32_t i = 0; i < count; i++)
			sums[i] += mstat_load_relaxed(words + i);
	}
}
