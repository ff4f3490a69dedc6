/* SPDX-License-Identifier: MIT */
/* The ledger's shared memory: slots, journals, lanes; counting by workers and settling by the parent. */
#include "ledger.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

#include "segment_value.h"

enum slot_state { SLOT_IDLE, SLOT_CLAIMED, SLOT_COMMITTING, SLOT_CLOSED };

struct journal {
	struct request_key key;
	struct answer answer;
	struct effects effects;
	uint64_t totals[EFFECTS_MAX]; /* of the slot, after effects.list[i] */
};

struct slot {
	uint32_t state;
	struct journal journal;
	uint64_t totals[SERIES_MAX];
} __attribute__((aligned(64)));

struct lane {
	uint32_t holder;   /* slot + 1, or 0 */
	uint64_t sequence; /* of the last request that was counted */
	struct answer answer;
} __attribute__((aligned(64)));

struct ledger {
	uint64_t run;
	uint64_t bytes;
	uint32_t slot_count;
	uint32_t lane_count;
	uint64_t start[SERIES_MAX]; /* an adopted segment does not begin at 0 */
	struct lane *lanes;
	struct slot slots[];
};

/* Keeps the compiler from moving stores across, which is all that a kill of this thread can tell apart. */
static inline void kill_point(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static void pause_ns(long ns)
{
	nanosleep(&(struct timespec){0, ns}, NULL);
}

void effects_add(struct effects *effects, uint32_t series, uint64_t units)
{
	if (!units)
		return;
	/* One entry a series: a journal names the total after it, and two would name different ones. */
	for (uint32_t i = 0; i < effects->count; i++) {
		if (effects->list[i].series == series) {
			effects->list[i].units += units;
			return;
		}
	}
	assert(series_exists(series) && effects->count < EFFECTS_MAX);
	effects->list[effects->count++] = (struct effect){series, units};
}

struct ledger *ledger_new(uint32_t slot_count, uint32_t lane_count)
{
	size_t slots_bytes = sizeof(struct ledger) + slot_count * sizeof(struct slot);
	size_t bytes = slots_bytes + lane_count * sizeof(struct lane);
	struct ledger *ledger = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ledger == MAP_FAILED)
		return NULL;
	if (getrandom(&ledger->run, sizeof(ledger->run), 0) != (ssize_t)sizeof(ledger->run)) {
		munmap(ledger, bytes);
		return NULL;
	}
	ledger->bytes = bytes;
	ledger->slot_count = slot_count;
	ledger->lane_count = lane_count;
	ledger->lanes = (struct lane *)((char *)ledger + slots_bytes);
	for (uint32_t series = 0; series < series_count(); series++)
		if (series_exists(series))
			segment_value_read(series, &ledger->start[series]);
	return ledger;
}

void ledger_free(struct ledger *ledger)
{
	if (ledger)
		munmap(ledger, ledger->bytes);
}

uint64_t ledger_run(const struct ledger *ledger)
{
	return ledger->run;
}

struct request_key ledger_key(const struct ledger *ledger, const char *text)
{
	unsigned long long run, sequence;
	unsigned lane;
	int end = -1;
	if (text && sscanf(text, "%16llx-%9u-%19llu%n", &run, &lane, &sequence, &end) == 3 && text[end] == '\0' &&
	    run == ledger->run && lane < ledger->lane_count && sequence)
		return (struct request_key){true, lane, sequence};
	return (struct request_key){false, 0, 0};
}

/* ---- counting: workers ------------------------------------------------------------------------------------------- */

static void slot_claim(struct slot *slot)
{
	uint32_t idle = SLOT_IDLE;
	/* Acquire: pairs with the parent's release in slots_open(), so that totals which it completed are seen. */
	while (!mstat_cas_acquire(&slot->state, &idle, SLOT_CLAIMED)) {
		assert(idle == SLOT_CLOSED);
		idle = SLOT_IDLE;
		pause_ns(50000);
	}
}

static void slot_release(struct slot *slot)
{
	/* Release: pairs with the parent's acquire in slot_close(). */
	mstat_store_release(&slot->state, SLOT_IDLE);
}

static bool lane_claim(struct lane *lane, uint32_t slot)
{
	uint32_t nobody = 0;
	/* Acquire: pairs with lane_release(), so that the last holder's sequence and answer are seen. */
	return mstat_cas_acquire(&lane->holder, &nobody, slot + 1);
}

static void lane_release(struct lane *lane)
{
	/* Release: pairs with lane_claim(). */
	mstat_store_release(&lane->holder, 0);
}

/* Takes slot and lane. A lane may be held by a dead worker until the parent has settled, and the parent waits for
 * claimed slots: so the slot is given back while waiting for the lane. */
static struct lane *claim(struct ledger *ledger, uint32_t slot, struct request_key key)
{
	for (;;) {
		slot_claim(&ledger->slots[slot]);
		if (!key.valid)
			return NULL;
		struct lane *lane = &ledger->lanes[key.lane];
		if (lane_claim(lane, slot))
			return lane;
		slot_release(&ledger->slots[slot]);
		pause_ns(500000);
	}
}

static void journal_write(struct slot *slot, struct request_key key, const struct effects *effects,
			  const struct answer *answer)
{
	struct journal *journal = &slot->journal;
	journal->key = key;
	journal->answer = *answer;
	journal->effects = *effects;
	for (uint32_t i = 0; i < effects->count; i++)
		journal->totals[i] = slot->totals[effects->list[i].series] + effects->list[i].units;
}

/* Carries out what a journal says beyond the adds. Doing it twice changes nothing. */
static void journal_apply(struct ledger *ledger, struct slot *slot)
{
	const struct journal *journal = &slot->journal;
	for (uint32_t i = 0; i < journal->effects.count; i++)
		slot->totals[journal->effects.list[i].series] = journal->totals[i];
	if (journal->key.valid) {
		struct lane *lane = &ledger->lanes[journal->key.lane];
		lane->answer = journal->answer;
		lane->sequence = journal->key.sequence;
	}
}

static void commit(struct ledger *ledger, struct slot *slot, struct request_key key, const struct effects *effects,
		   const struct answer *answer)
{
	journal_write(slot, key, effects, answer);
	kill_point();
	mstat_store_relaxed(&slot->state, SLOT_COMMITTING);
	kill_point();
	for (uint32_t i = 0; i < effects->count; i++)
		series_add(effects->list[i].series, effects->list[i].units);
	kill_point();
	journal_apply(ledger, slot);
	kill_point();
	/* COMMITTING ends before the lane is freed. Otherwise the parent would carry out the journal once more when the
	 * lane has gone on to its next request, and take it back to this one. */
	mstat_store_relaxed(&slot->state, SLOT_CLAIMED);
	kill_point();
}

void ledger_commit(struct ledger *ledger, uint32_t slot, struct request_key key, const struct effects *effects,
		   struct answer *answer)
{
	assert(slot < ledger->slot_count);
	struct slot *own = &ledger->slots[slot];
	struct lane *lane = claim(ledger, slot, key);
	if (lane && lane->sequence == key.sequence)
		*answer = lane->answer;
	/* A number that the lane has passed is a late copy of a request whose answer has arrived. */
	else if (!lane || lane->sequence < key.sequence)
		commit(ledger, own, key, effects, answer);
	/* The lane first: a slot that is idle must not hold one, or nobody would free it. */
	if (lane)
		lane_release(lane);
	slot_release(own);
}

/* ---- settling: the parent ---------------------------------------------------------------------------------------- */

/* Returns false if the slot's thread died with the slot claimed. */
static bool slot_close(struct ledger *ledger, uint32_t slot, bool (*dead)(void *, uint32_t), void *context)
{
	uint32_t idle = SLOT_IDLE;
	/* Acquire: pairs with slot_release(), so that the thread's totals and adds are seen. */
	while (!mstat_cas_acquire(&ledger->slots[slot].state, &idle, SLOT_CLOSED)) {
		/* Ask first, look again afterwards: once the process is reaped, its slot does not change any more. */
		if (dead(context, slot)) {
			idle = SLOT_IDLE;
			return mstat_cas_acquire(&ledger->slots[slot].state, &idle, SLOT_CLOSED);
		}
		idle = SLOT_IDLE;
		pause_ns(50000);
	}
	return true;
}

static uint64_t expected_value(const struct ledger *ledger, uint32_t series)
{
	uint64_t sum = ledger->start[series];
	for (uint32_t slot = 0; slot < ledger->slot_count; slot++)
		sum += ledger->slots[slot].totals[series];
	return sum;
}

static void disagree(const struct ledger *ledger, uint32_t series, uint64_t actual, uint64_t announced)
{
	char name[512];
	series_print(series, name, sizeof(name));
	fprintf(stderr,
		"demo: %s is %" PRIu64 ", expected %" PRIu64 " with at most %" PRIu64
		" missing: a count was lost or doubled\n",
		name, actual, expected_value(ledger, series), announced);
}

/* Adds what is missing in a series of which the dead announced something. Returns 0, 1 (added) or -EDOM. */
static int series_settle(const struct ledger *ledger, uint32_t series, uint64_t announced)
{
	uint64_t actual;
	if (!announced || segment_value_read(series, &actual))
		return 0;
	uint64_t missing = expected_value(ledger, series) - actual;
	if (missing > announced) {
		disagree(ledger, series, actual, announced);
		return -EDOM;
	}
	if (missing)
		series_add(series, missing);
	return missing != 0;
}

/* What a dead thread was doing: its journal is carried out, its lane freed. */
static void slot_bury(struct ledger *ledger, uint32_t slot, uint64_t *announced)
{
	struct slot *own = &ledger->slots[slot];
	if (mstat_load_relaxed(&own->state) == SLOT_COMMITTING) {
		for (uint32_t i = 0; i < own->journal.effects.count; i++)
			announced[own->journal.effects.list[i].series] += own->journal.effects.list[i].units;
		journal_apply(ledger, own);
	}
	for (uint32_t i = 0; i < ledger->lane_count; i++)
		if (mstat_load_relaxed(&ledger->lanes[i].holder) == slot + 1)
			lane_release(&ledger->lanes[i]);
}

static void slots_open(struct ledger *ledger)
{
	for (uint32_t slot = 0; slot < ledger->slot_count; slot++)
		/* Release: pairs with slot_claim(). */
		mstat_store_release(&ledger->slots[slot].state, SLOT_IDLE);
}

int ledger_settle(struct ledger *ledger, bool (*dead)(void *context, uint32_t slot), void *context)
{
	uint64_t announced[SERIES_MAX] = {0};
	uint8_t died[4096] = {0};
	int added = 0;
	int error = 0;
	assert(ledger->slot_count <= sizeof(died));
	for (uint32_t slot = 0; slot < ledger->slot_count; slot++)
		died[slot] = !slot_close(ledger, slot, dead, context);
	/* From here on nobody counts. Lanes are freed only now, too: a lane freed earlier could be taken by a live
	 * thread before its key was known to be counted. */
	for (uint32_t slot = 0; slot < ledger->slot_count; slot++)
		if (died[slot])
			slot_bury(ledger, slot, announced);
	for (uint32_t series = 0; series < series_count(); series++) {
		int result = series_settle(ledger, series, announced[series]);
		if (result < 0)
			error = result;
		else
			added += result;
	}
	slots_open(ledger);
	return error ? error : added;
}

int ledger_audit(const struct ledger *ledger, uint32_t *series)
{
	uint32_t compared = 0;
	int error = 0;
	for (uint32_t i = 0; i < series_count(); i++) {
		uint64_t actual;
		if (!series_exists(i))
			continue;
		int result = segment_value_read(i, &actual);
		if (result)
			return result;
		if (actual != expected_value(ledger, i)) {
			disagree(ledger, i, actual, 0);
			error = -EDOM;
		}
		compared++;
	}
	*series = compared;
	return error;
}
