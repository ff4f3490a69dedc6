/* SPDX-License-Identifier: MIT */
/* Dropped packets, told. The reasons' names are those of the running kernel, whose numbers change with each version. */
#include "packet_drops.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include "bpf_feature.h"

#include "packet_drops.skel.h"

#define ENUMERATION "skb_drop_reason"
#define PREFIX "SKB_DROP_REASON_"

static const struct host_family drops_family =
	HOST_COUNTER("node_bpf_packet_drops_total", "Packets that the kernel dropped, by its reason.", "reason");

struct packet_drops {
	char *names[PACKET_DROP_REASONS]; /* NULL: a number without a name */
};

BPF_FEATURE_SKELETON(packet_drops, (void))

/* "SKB_DROP_REASON_NO_SOCKET" is "no_socket". */
static char *name_make(const char *constant)
{
	char *name = strdup(strncmp(constant, PREFIX, strlen(PREFIX)) ? constant : constant + strlen(PREFIX));
	for (char *c = name; c && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return name;
}

static void names_read(struct packet_drops *own, const struct btf *kernel)
{
	const int id = btf__find_by_name_kind(kernel, ENUMERATION, BTF_KIND_ENUM);
	if (id < 0)
		return;
	const struct btf_type *type = btf__type_by_id(kernel, (__u32)id);
	const struct btf_enum *constants = btf_enum(type);
	for (unsigned i = 0; i < btf_vlen(type); i++) {
		const int value = constants[i].val;
		if (value >= 0 && value < (int)PACKET_DROP_REASONS - 1 && !own->names[value])
			own->names[value] = name_make(btf__name_by_offset(kernel, constants[i].name_off));
	}
}

static int packet_drops_start(struct bpf_feature *feature)
{
	struct packet_drops *own = feature->own = calloc(1, sizeof(*own));
	struct btf *kernel = btf__load_vmlinux_btf();
	if (own && kernel)
		names_read(own, kernel);
	btf__free(kernel);
	return own ? 0 : -ENOMEM;
}

static void packet_drops_stop(struct bpf_feature *feature)
{
	struct packet_drops *own = feature->own;
	for (size_t i = 0; own && i < PACKET_DROP_REASONS; i++)
		free(own->names[i]);
	free(own);
}

static void packet_drops_sample(struct bpf_feature *feature, const struct bpf_sink *sink)
{
	const struct packet_drops *own = feature->own;
	for (uint32_t i = 0; i < PACKET_DROP_REASONS; i++) {
		const uint64_t count = bpf_region_sum(&feature->regions[0], i / BPF_WORDS, i % BPF_WORDS);
		char number[16];
		if (!count)
			continue;
		const char *name = own->names[i];
		if (i == PACKET_DROP_REASONS - 1)
			name = "other";
		host_u64(sink->host, &drops_family, count, name ? name : host_format(number, "%u", i));
	}
}

const struct bpf_feature_ops bpf_feature_packet_drops = {
	BPF_FEATURE_SKELETON_OPS,
	.name = "packet_drops",
	.regions =
		(const struct bpf_region_spec[]){{"reasons", PACKET_DROP_KEYS, BPF_ROWS_CPU}, {NULL, 0, BPF_ROWS_CPU}},
	.start = packet_drops_start,
	.stop = packet_drops_stop,
	.sample = packet_drops_sample,
};
