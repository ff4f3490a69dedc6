/* SPDX-License-Identifier: MIT */
/* mstat dump: the exemplar slots that were ever written to, also those that no reader would believe, and why. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <mstat/bucket.h>

#include "dump.h"
#include "report.h"
#include "samples.h"

static const char *slot_state(const struct mstat_shm_exemplar *slot)
{
	if (slot->sequence % 2)
		return " being written, or its writer died";
	if (slot->labels_len > MSTAT_SHM_EXEMPLAR_LABELS_MAX)
		return " longer than a slot";
	return slot->check == mstat_shm_exemplar_check(slot) ? "" : " torn: the check is another";
}

static void slot_print(uint64_t offset, uint32_t index, const struct mstat_shm_exemplar *slot)
{
	struct number value = {.type = NUMBER_F64, .f64 = mstat_f64_of_bits(slot->value)};
	uint32_t len =
		slot->labels_len < MSTAT_SHM_EXEMPLAR_LABELS_MAX ? slot->labels_len : MSTAT_SHM_EXEMPLAR_LABELS_MAX;
	char *labels = text_escaped(slot->labels, len);
	printf("  %10" PRIu64 "  slot %-4" PRIu32 " sequence %" PRIu32 " entry %" PRIu32 " cell %" PRIu32
	       " {%s} %s at %s%s\n",
	       offset, index, slot->sequence, slot->series, slot->cell, labels, number_text(value).text,
	       time_text(slot->time_ns).text, slot_state(slot));
	free(labels);
}

void dump_exemplars(struct dump *dump)
{
	const struct mstat_shm_region *region = &dump->regions[MSTAT_SHM_REGION_EXEMPLARS];
	puts("\nexemplars");
	uint32_t count = dump_elements(dump, MSTAT_SHM_REGION_EXEMPLARS, dump->header.exemplar_max,
				       sizeof(struct mstat_shm_exemplar), "exemplars");
	for (uint32_t i = 0; i < count; i++) {
		struct mstat_shm_exemplar slot;
		uint64_t offset = region->offset + (uint64_t)i * region->stride;
		if (!dump_read(dump, offset, sizeof(slot), &slot)) {
			dump_stop(dump, "offset %" PRIu64 ": reading failed", offset);
			return;
		}
		if (slot.sequence || slot.cell)
			slot_print(offset, i, &slot);
	}
}
