/* SPDX-License-Identifier: MIT */
/* The ledger: each request is counted exactly once, though workers are killed (SIGKILL) at any instruction.
 *
 * The difficulty. A worker that counts and then answers may die between: the request is counted, its client knows
 * nothing. One that answers and then counts may die between: the client knows, nobody counted. So a client that saw
 * its connection break asks again with the same key, and the service must know whether the key was counted. But "the
 * counter was incremented" and "the key was marked" are two stores, and a kill may fall between them.
 *
 * The way out. The mark is a journal, and the one thing that a journal cannot tell (was the increment that it announces
 * made?) is read from the counter itself, while nobody counts.
 *
 *  - Each worker thread has a slot in memory shared by parent and workers. A request is counted between CLAIMED and
 *    IDLE of its slot:
 *        CLAIMED     nothing is half done. The thread takes the request's lane; if the lane says that this key was
 *                    counted before, the stored answer is given again and nothing is counted. (A key that the lane
 *                    has left behind is a late copy of an answered request, and is not counted either.)
 *        journal     what will be added to which series, the thread's own totals afterwards, key and answer.
 *        COMMITTING  the journal is valid. Then: add to the series in the segment; store the new own totals; store
 *                    key and answer in the lane.
 *        CLAIMED     again: all is done, the lane is freed.
 *        IDLE        only now is the answer sent.
 *  - Own totals (slot->totals) have one writer and are stored as absolute values from the journal: to store them again
 *    changes nothing. The same holds for the lane. Only the adds to the segment cannot simply be repeated.
 *  - When a worker has died, the parent closes all other slots (each thread finishes the request that it is counting;
 *    nobody begins another), so that the segment stands still. It carries out the journals of the dead: totals and
 *    lanes. Now for every series, what it should be is the sum of the totals of all slots plus what it was at the
 *    start; what it is, is read from the segment; and the difference is exactly the adds that the dead did not come
 *    to. The parent makes them and opens the slots. Which of several dead threads made its add does not matter.
 *  - The difference must lie between 0 and what the journals of the dead announce. If not, the library lost or doubled
 *    a count: the parent says so, repairs nothing, and the demo ends with exit code 1. The ledger can therefore not
 *    hide a defect of the thing that it demonstrates; after the workers have stopped, all series are audited.
 *
 * It is exact for a client that asks until it has an answer (load.h does): each answer it has was counted once, and
 * each counted request gets its answer in the end. Requests without a key are counted once as well, but whoever sent
 * one cannot know whether it was, if no answer came.
 *
 * A kill stops a thread between two instructions: everything before has happened, nothing after. What must be kept in
 * order against it is the compiler; against threads on other CPUs, the acquires and releases named in ledger.c.
 */
#ifndef DEMO_LEDGER_H
#define DEMO_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "families.h"

#define EFFECTS_MAX 24u
#define ANSWER_BYTES_MAX 512u

/* What a request adds to which series. */
struct effects {
	uint32_t count;
	struct effect {
		uint32_t series;
		uint64_t units;
	} list[EFFECTS_MAX];
};

/* Notes that `units` are to be added to a series. 0 is not noted. */
void effects_add(struct effects *effects, uint32_t series, uint64_t units);

struct answer {
	enum http_status status;
	uint32_t body_len;
	char body[ANSWER_BYTES_MAX];
};

/* Identity of a request: a lane has one request after the other, numbered from 1. */
struct request_key {
	bool valid;
	uint32_t lane;
	uint64_t sequence;
};

/* Header that carries it, and its text: RUN-LANE-SEQUENCE, the run in 16 hexadecimal digits. A key of another run, an
 * unknown lane or anything else is no key; the request is then counted like one without. */
#define REQUEST_KEY_HEADER "Idempotency-Key"
#define REQUEST_KEY_FORMAT "%016llx-%u-%llu"

struct ledger;

/* Makes the ledger in memory shared with children and notes where the series stand now. Call after families_init(),
 * before fork. NULL: out of memory, errno says. */
struct ledger *ledger_new(uint32_t slot_count, uint32_t lane_count);
void ledger_free(struct ledger *ledger);

/* Random number of this run, part of each key. */
uint64_t ledger_run(const struct ledger *ledger);

/* Reads a key; text may be NULL. */
struct request_key ledger_key(const struct ledger *ledger, const char *text);

/* Counts a request, or finds that it was counted: then *answer becomes the answer of that time. Called by the thread
 * that owns the slot. Waits while the parent settles, or while the same key is being counted elsewhere. */
void ledger_commit(struct ledger *ledger, uint32_t slot, struct request_key key, const struct effects *effects,
		   struct answer *answer);

/* Settles what dead workers left. dead(context, slot) tells whether the slot's process has been reaped; it is asked
 * again while a slot is waited for. Returns how many adds were made for the dead, or -EDOM if a series disagrees (the
 * message is on standard error). Called by the parent alone. */
int ledger_settle(struct ledger *ledger, bool (*dead)(void *context, uint32_t slot), void *context);

/* Compares every series with the ledger while no worker lives. Returns 0, -EDOM (messages on standard error), or
 * -ENOTSUP when the values are not in a segment. *series receives how many were compared. */
int ledger_audit(const struct ledger *ledger, uint32_t *series);

#endif
