/* SPDX-License-Identifier: MIT */
/* mstat dump: the header and the region table. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "dump.h"
#include "report.h"

enum field_format { HEX, DECIMAL, TIME, IDENTITY, STRING };

struct header_field {
	const char *name;
	size_t offset;
	size_t bytes;
	enum field_format format;
};

static const struct header_field header_fields[] = {
#define HEADER_FIELD(field, how)                                                                                       \
	{#field, offsetof(struct mstat_shm_header, field), sizeof(((struct mstat_shm_header *)0)->field), how},
#include "header_fields.def"
#undef HEADER_FIELD
};

static uint64_t field_number(const struct mstat_shm_header *header, const struct header_field *field)
{
	const char *at = (const char *)header + field->offset;
	uint64_t u64 = 0;
	uint32_t u32;
	uint16_t u16;
	if (field->bytes == sizeof(u64)) {
		memcpy(&u64, at, sizeof(u64));
	} else if (field->bytes == sizeof(u32)) {
		memcpy(&u32, at, sizeof(u32));
		u64 = u32;
	} else if (field->bytes == sizeof(u16)) {
		memcpy(&u16, at, sizeof(u16));
		u64 = u16;
	}
	return u64;
}

static void identity_print(const uint8_t *bytes)
{
	for (int i = 0; i < 16; i++)
		printf("%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
}

static void field_print(const struct mstat_shm_header *header, const struct header_field *field)
{
	uint64_t number = field_number(header, field);
	printf("  %6zu  %-22s ", field->offset, field->name);
	switch (field->format) {
	case HEX:
		printf("0x%0*" PRIx64, (int)field->bytes * 2, number);
		break;
	case DECIMAL:
		printf("%" PRIu64, number);
		break;
	case TIME:
		printf("%" PRIu64 " (%s)", number, time_text(number).text);
		break;
	case IDENTITY:
		identity_print((const uint8_t *)header + field->offset);
		break;
	case STRING:
		printf("arena+%" PRIu64, number);
		break;
	}
	putchar('\n');
}

static void lock_print(uint64_t lock)
{
	uint32_t slot = (uint32_t)lock >> 1;
	char holder[48] = "without a process slot";
	if (slot)
		snprintf(holder, sizeof(holder), "of process slot %" PRIu32, slot - 1);
	if (!lock)
		puts("          (the registration lock is free)");
	else
		printf("          (the registration lock is held by thread %" PRIu32 " %s%s)\n", (uint32_t)(lock >> 32),
		       holder, lock & 1 ? "; others wait" : "");
}

static void drops_print(const struct mstat_shm_header *header)
{
	static const char *const labels[MSTAT_SHM_REASON_MAX] = {
#define MSTAT_REASON(number, name, label, text) [number] = label,
#include <mstat/reasons.def>
#undef MSTAT_REASON
	};
	for (size_t i = 0; i < MSTAT_SHM_REASON_MAX; i++)
		if (header->drops[i])
			printf("  %6zu  drops[%zu] %-13s %" PRIu64 "\n",
			       offsetof(struct mstat_shm_header, drops) + i * sizeof(uint64_t), i,
			       labels[i] ? labels[i] : "(unknown)", header->drops[i]);
}

void dump_header(struct dump *dump)
{
	const struct mstat_shm_header *header = &dump->header;
	puts("\nheader");
	for (size_t i = 0; i < sizeof(header_fields) / sizeof(*header_fields); i++) {
		field_print(header, &header_fields[i]);
		if (header_fields[i].offset == offsetof(struct mstat_shm_header, lock))
			lock_print(header->lock);
	}
	drops_print(header);
	if (header->magic != MSTAT_SHM_MAGIC)
		dump_stop(dump, "offset 0: the magic number is not 0x%llx; what follows may be no segment",
			  MSTAT_SHM_MAGIC);
	if (header->byte_order != MSTAT_SHM_BYTE_ORDER)
		dump_stop(dump, "offset 8: another byte order; what follows is as this machine reads it");
	if (header->major != MSTAT_SHM_MAJOR)
		dump_stop(dump, "offset 12: major version %u; this program knows %u", header->major, MSTAT_SHM_MAJOR);
}

/* ---- regions ---- */

static const char *region_name(uint32_t kind)
{
	static const char *const names[DUMP_REGION_KINDS] = {
		[MSTAT_SHM_REGION_ARENA] = "arena",           [MSTAT_SHM_REGION_SERIES] = "series",
		[MSTAT_SHM_REGION_ROW_STATES] = "row states", [MSTAT_SHM_REGION_ROWS] = "rows",
		[MSTAT_SHM_REGION_PROCESSES] = "processes",   [MSTAT_SHM_REGION_GAUGES] = "gauges",
		[MSTAT_SHM_REGION_EXEMPLARS] = "exemplars",
	};
	return kind < DUMP_REGION_KINDS && names[kind] ? names[kind] : "(unknown kind)";
}

/* Keeps a region of a known kind, with the part of it that is really in the file. */
static void region_keep(struct dump *dump, const struct mstat_shm_region *region)
{
	uint32_t kind = region->kind;
	if (kind == 0 || kind >= DUMP_REGION_KINDS)
		return;
	if (dump->regions[kind].kind) {
		dump_stop(dump, "a second region of this kind; the first one is used");
		return;
	}
	dump->regions[kind] = *region;
	if (region->offset % 8 || region->offset > dump->file_bytes) {
		dump_stop(dump, "the region begins at no multiple of 8, or behind the end of the file");
		return;
	}
	dump->usable[kind] = dump->file_bytes - region->offset;
	if (region->bytes > dump->usable[kind])
		dump_stop(dump, "only %" PRIu64 " of its bytes are in the file", dump->usable[kind]);
	else
		dump->usable[kind] = region->bytes;
}

void dump_regions(struct dump *dump)
{
	uint32_t count = dump->header.region_count;
	puts("\nregions");
	puts("  offset  kind                version        at       bytes  stride");
	for (uint32_t i = 0; i < count && i < MSTAT_SHM_REGION_MAX; i++) {
		const struct mstat_shm_region *region = &dump->header.regions[i];
		printf("  %6zu  %2" PRIu32 " %-16s %7" PRIu32 " %9" PRIu64 " %11" PRIu64 " %7" PRIu32 "\n",
		       MSTAT_SHM_REGIONS_OFFSET + i * sizeof(*region), region->kind, region_name(region->kind),
		       region->version, region->offset, region->bytes, region->stride);
		region_keep(dump, region);
	}
	if (count > MSTAT_SHM_REGION_MAX)
		dump_stop(dump, "%" PRIu32 " regions are announced; the table has room for %u", count,
			  MSTAT_SHM_REGION_MAX);
}
