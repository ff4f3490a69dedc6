/* SPDX-License-Identifier: MIT */
/* A region: an array of a BPF program that is mapped into the agent's memory for reading. Reading it is reading memory;
 * writing it is not possible, neither by the mapping nor by a call: it was frozen before. */
#ifndef AGENTD_COLLECT_BPF_REGION_H
#define AGENTD_COLLECT_BPF_REGION_H

#include <stddef.h>
#include <stdint.h>

struct bpf_map;

struct bpf_region {
	const uint64_t *words; /* NULL: not open */
	size_t mapped_bytes;
	uint32_t value_words; /* of one value */
	uint32_t keys;        /* values of one row */
	uint32_t rows;
};

/* How many CPUs this machine may ever have; 0: cannot be told. */
uint32_t bpf_cpu_count(void);

/* Before the object is loaded: makes room for `rows` rows of `keys` values. 0 or -errno. */
int bpf_region_resize(struct bpf_map *map, uint32_t keys, uint32_t rows);

/* After it: freezes and maps. 0 or -errno; *region is untouched then. */
int bpf_region_open(struct bpf_map *map, uint32_t keys, uint32_t rows, struct bpf_region *region);
void bpf_region_close(struct bpf_region *region); /* one that is not open is fine */

/* A value of one row: its words, which programs go on writing (read them with mstat_load_relaxed()). */
static inline const uint64_t *bpf_region_value(const struct bpf_region *region, uint32_t row, uint32_t key)
{
	return region->words + (size_t)region->value_words * ((size_t)row * region->keys + key);
}

/* A word of a key, summed over the rows. Cost: some ns a row. */
uint64_t bpf_region_sum(const struct bpf_region *region, uint32_t key, uint32_t word);

/* `count` words of a key from the first on, summed over the rows, into sums. */
void bpf_region_sums(const struct bpf_region *region, uint32_t key, uint32_t count, uint64_t *sums);

#endif
