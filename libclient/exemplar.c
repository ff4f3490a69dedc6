/* SPDX-License-Identifier: MIT */
/* Exemplars: an update says what it belonged to. Slots of the segment are found by the updated cell's number; a writer
 * claims one by making its sequence odd and goes elsewhere when somebody else has: nobody waits.
 *
 * Source of the limits: OpenMetrics 1.0, "Exemplars": 128 characters of names and values together.
 */
#include <errno.h>
#include <string.h>

#include "private.h"

/* A writer that died in the middle leaves a slot odd: after this long it is given up. */
#define SLOT_STALE_NS 10000000000ll

/* ---- labels as text ---- */

struct exemplar_text {
	uint32_t len;
	uint32_t characters;
	uint32_t name_count;
	uint16_t names[MSTAT_SHM_EXEMPLAR_CHARACTERS_MAX]; /* where they begin */
	bool refused;
	char bytes[MSTAT_SHM_EXEMPLAR_LABELS_MAX];
};

static void byte_put(struct exemplar_text *text, char byte)
{
	if (text->len == sizeof(text->bytes))
		text->refused = true;
	else
		text->bytes[text->len++] = byte;
}

static void text_put(struct exemplar_text *text, const char *bytes, size_t len, bool escaped)
{
	for (size_t i = 0; i < len && !text->refused; i++) {
		text->characters += ((unsigned char)bytes[i] & 0xc0) != 0x80;
		if (escaped && (bytes[i] == '\\' || bytes[i] == '"' || bytes[i] == '\n'))
			byte_put(text, '\\');
		byte_put(text, escaped && bytes[i] == '\n' ? 'n' : bytes[i]);
	}
}

/* False for a name that is there already: no label set has two of one name. */
static bool name_put(struct exemplar_text *text, const char *name)
{
	size_t len = strlen(name);
	for (uint32_t i = 0; i < text->name_count; i++)
		if (text->len - text->names[i] > len && !memcmp(text->bytes + text->names[i], name, len) &&
		    text->bytes[text->names[i] + len] == '=')
			return false;
	if (text->name_count == MSTAT_SHM_EXEMPLAR_CHARACTERS_MAX)
		return false;
	text->names[text->name_count++] = (uint16_t)text->len;
	text_put(text, name, len, false);
	return true;
}

static void label_put(struct exemplar_text *text, const char *name, const char *value, size_t value_len)
{
	if (!mstat_label_name_valid(name) || !mstat_utf8_valid(value, value_len)) {
		text->refused = true;
		return;
	}
	if (text->len)
		byte_put(text, ',');
	text->refused |= !name_put(text, name);
	byte_put(text, '=');
	byte_put(text, '"');
	text_put(text, value, value_len, true);
	byte_put(text, '"');
}

static void id_put(struct exemplar_text *text, const char *name, const uint8_t *id, size_t bytes)
{
	char hex[32];
	for (size_t i = 0; i < bytes; i++) {
		hex[2 * i] = "0123456789abcdef"[id[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[id[i] & 15];
	}
	label_put(text, name, hex, 2 * bytes);
}

/* False where the exemplar breaks a rule. */
static bool text_make(const struct mstat_exemplar *exemplar, struct exemplar_text *text)
{
	text->len = text->characters = text->name_count = 0;
	text->refused = false;
	if (exemplar->trace_id)
		id_put(text, "trace_id", exemplar->trace_id, 16);
	if (exemplar->span_id)
		id_put(text, "span_id", exemplar->span_id, 8);
	for (const char *const *label = exemplar->labels; label && label[0] && !text->refused; label += 2) {
		if (!label[1]) {
			text->refused = true;
			break;
		}
		label_put(text, label[0], label[1], strnlen(label[1], sizeof(text->bytes)));
	}
	return !text->refused && text->characters <= MSTAT_SHM_EXEMPLAR_CHARACTERS_MAX;
}

/* ---- slots ---- */

static bool slots_ready(void)
{
	if (mstat_load_relaxed(&mstat_process.exemplars))
		return true;
	const struct mstat_layout *layout = &mstat_root.layout;
	if (mstat_populate(layout->exemplars_off, layout->exemplar_max * sizeof(struct mstat_shm_exemplar)))
		return false;
	mstat_store_relaxed(&mstat_process.exemplars, 1);
	return true;
}

/* The cell's own slot, else a free one, else the oldest. */
static struct mstat_shm_exemplar *slot_choose(uint32_t cell)
{
	uint32_t ways = MSTAT_SHM_EXEMPLAR_WAYS;
	struct mstat_shm_exemplar *set =
		mstat_exemplar_slot(mstat_shm_exemplar_slot(cell, mstat_root.layout.exemplar_max - (ways - 1)));
	struct mstat_shm_exemplar *choice = set;
	for (uint32_t i = 0; i < ways; i++) {
		uint32_t owner = mstat_load_relaxed(&set[i].cell);
		if (owner == cell)
			return &set[i];
		if (mstat_load_relaxed(&choice->cell) &&
		    (!owner || mstat_load_relaxed(&set[i].time_ns) < mstat_load_relaxed(&choice->time_ns)))
			choice = &set[i];
	}
	return choice;
}

static bool slot_claim(struct mstat_shm_exemplar *slot, uint64_t now_ns, uint32_t *sequence)
{
	uint32_t found = mstat_load_relaxed(&slot->sequence), claimed = found | 1;
	if (found & 1) {
		/* Signed: it may have been claimed after this writer looked at the clock. */
		if ((int64_t)(now_ns - mstat_load_relaxed(&slot->time_ns)) < SLOT_STALE_NS)
			return false;
		claimed = found + 2;
	}
	*sequence = claimed;
	return mstat_cas_acquire(&slot->sequence, &found, claimed); /* pairs with the release in exemplar_store() */
}

/* Words, since another process may be reading them: readers tell a mixture by the check. It is that of a private copy:
 * where two write (a slot was given up, and its writer had only been stopped), a check of what the slot holds would
 * make their mixture good. */
static void exemplar_store(uint32_t series, uint32_t cell, double value, const struct exemplar_text *text)
{
	uint64_t now_ns = mstat_realtime_ns();
	struct mstat_shm_exemplar *slot = slot_choose(cell);
	struct mstat_shm_exemplar copy = {.series = series, .cell = cell, .labels_len = text->len, .time_ns = now_ns};
	uint32_t sequence;
	memcpy(&copy.value, &value, sizeof(copy.value));
	memcpy(copy.labels, text->bytes, text->len);
	if (!slot_claim(slot, now_ns, &sequence)) {
		mstat_refuse(MSTAT_REASON_EXEMPLAR);
		return;
	}
	/* The time first: by it others see that the slot is being written to, and not given up. */
	mstat_store_relaxed(&slot->time_ns, now_ns);
	mstat_store_relaxed(&slot->series, series);
	mstat_store_relaxed(&slot->cell, cell);
	mstat_store_relaxed(&slot->labels_len, copy.labels_len);
	mstat_store_relaxed(&slot->value, copy.value);
	memcpy(slot->labels, copy.labels, copy.labels_len);
	mstat_store_relaxed(&slot->check, mstat_shm_exemplar_check(&copy));
	/* release: pairs with the acquire in slot_claim(), and with the copy of readers */
	mstat_store_release(&slot->sequence, sequence + 1);
}

static void exemplar_write(const struct mstat_handle *handle, uint32_t at, double value,
			   const struct mstat_exemplar *exemplar)
{
	struct exemplar_text text;
	int saved_errno = errno;
	uint32_t cell = mstat_load_relaxed(&handle->offset) / MSTAT_CELL_BYTES + at;
	if (!exemplar || mstat_is_no_handle(handle) || cell < MSTAT_SHM_CELL_FIRST || !mstat_attach() ||
	    mstat_process.stale)
		goto out;
	if (text_make(exemplar, &text) && slots_ready())
		exemplar_store(handle->index & ~MSTAT_HANDLE_STAMPED, cell, value, &text);
	else
		mstat_refuse(MSTAT_REASON_EXEMPLAR);
out:
	errno = saved_errno;
}

/* ---- updates with an exemplar ---- */

void mstat_add_exemplar(mstat_counter *counter, uint64_t n, const struct mstat_exemplar *exemplar)
{
	mstat_add(counter, n);
	exemplar_write(&counter->handle, 0, (double)n, exemplar);
}

void mstat_add_f64_exemplar(mstat_counter_f64 *counter, double n, const struct mstat_exemplar *exemplar)
{
	mstat_add_f64(counter, n);
	if (n >= 0 && n <= __DBL_MAX__)
		exemplar_write(&counter->handle, 0, n, exemplar);
}

/* Integers go to the slot as they are recorded; who reads it knows the family's scale. */
void mstat_observe_exemplar(mstat_histogram *histogram, int64_t value, const struct mstat_exemplar *exemplar)
{
	mstat_observe(histogram, value);
	if (value >= 0 && !mstat_is_no_handle(&histogram->handle))
		exemplar_write(&histogram->handle,
			       MSTAT_SHM_SUMS_U64 + mstat_map_search(histogram->map, (uint64_t)value), (double)value,
			       exemplar);
}

void mstat_observe_f64_exemplar(mstat_histogram_f64 *histogram, double value, const struct mstat_exemplar *exemplar)
{
	mstat_observe_f64(histogram, value);
	if (!mstat_is_no_handle(&histogram->handle) && mstat_map_takes(histogram->map, value))
		exemplar_write(&histogram->handle, MSTAT_SHM_SUMS_F64 + mstat_map_search_f64(histogram->map, value),
			       value, exemplar);
}
