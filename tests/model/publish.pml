/* SPDX-License-Identifier: MIT */
/* Publication of series against a reader that copies: rules W2, W3 and R2 of include/mstat/segment.h.
 *
 * The writer is mstat_series_make() and series_publish() in libclient/registry.c, the reader is read_all() in
 * agentd/segment/read.c with entry_take() in series.c. Two series come while one scan runs.
 *
 * Promised: what an honest writer leaves is never refused, whenever it is copied; no text is read before it is there;
 * a series that was registered before the scan began is on the page.
 *
 * BROKEN ARENA_RELAXED: the length of the arena is stored without release
 * BROKEN COUNT_RELAXED: the number of series is stored without release
 * BROKEN NO_FENCE: the reader has no fence between the header and what its lengths cover
 * BROKEN NO_SECOND_LOOK: a series newer than the other lengths is refused without asking whether they have grown
 */
#define ARENA_LEN 0
#define CELLS_LEN 1
#define COUNT 2
#define RECORD 3 /* of series n: RECORD + n; 1: its text is there */
#define ENTRY 5  /* 1: names the record */
#define STATE 7  /* 1: LIVE */
#define LOCATIONS 9
#define WRITERS 1
#ifdef NO_FENCE /* one is enough to see it */
#define SERIES 1
#else
#define SERIES 2
#endif
#include "memory.pml"

#ifdef ARENA_RELAXED
#define store_arena store
#else
#define store_arena store_release
#endif
#ifdef COUNT_RELAXED
#define store_count store
#else
#define store_count store_release
#endif

byte acknowledged; /* series whose registration everybody can know of */

proctype writer()
{
	byte n;
	for (n : 0 .. SERIES - 1) {
		store_release(0, CELLS_LEN, n + 1);
		store(0, RECORD + n, 1);
		store(0, ENTRY + n, 1);
		store_arena(0, ARENA_LEN, n + 1);
		store_release(0, STATE + n, 1);
		store_count(0, COUNT, n + 1);
		if
		:: DRAINED(0) -> acknowledged = n + 1
		:: true
		fi
	}
}

/* One read of the file: its words in any order. That the two words of an entry come together costs nothing here: the
 * second is only asked whether it is LIVE. */
inline copy(mask)
{
	do
	:: !(got & 1) && (mask & 1) -> atomic { arena_len = memory[ARENA_LEN]; got = got | 1 }
	:: !(got & 2) && (mask & 1) -> atomic { cells_len = memory[CELLS_LEN]; got = got | 2 }
	:: !(got & 4) && (mask & 1) -> atomic { count = memory[COUNT]; got = got | 4 }
	:: !(got & 8) && (mask & 2) -> atomic { record[0] = memory[RECORD]; got = got | 8 }
	:: !(got & 16) && (mask & 2) -> atomic { record[SERIES - 1] = memory[RECORD + SERIES - 1]; got = got | 16 }
	:: !(got & 32) && (mask & 2) -> atomic { entry[0] = memory[ENTRY]; state[0] = memory[STATE]; got = got | 32 }
	:: !(got & 64) && (mask & 2) -> atomic { entry[SERIES - 1] = memory[ENTRY + SERIES - 1]; state[SERIES - 1] = memory[STATE + SERIES - 1];
		got = got | 64 }
	:: (!(mask & 1) || (got & 7) == 7) && (!(mask & 2) || (got & 120) == 120) -> break
	od
}

proctype reader()
{
	byte arena_len, cells_len, count, known, i;
	byte record[SERIES], entry[SERIES], state[SERIES];
	bool shown[SERIES];
	short got;

	known = acknowledged;
#ifdef NO_FENCE
	copy(3);
#else
	copy(1); /* fence */
	copy(2);
#endif
	for (i : 0 .. SERIES - 1) {
		/* arena_parse(): what the length covers is a record. */
		assert(i >= arena_len || record[i]);
		if
		:: i >= count -> skip
		:: i < count && (i >= arena_len || i >= cells_len) ->
#ifdef NO_SECOND_LOOK
			assert(false);
#else
			/* lengths_have_grown(), or the segment lies. */
			assert(memory[ARENA_LEN] != arena_len || memory[CELLS_LEN] != cells_len);
#endif
			break
		:: else ->
			assert(entry[i]);
			shown[i] = state[i] == 1
		fi
	}
	for (i : 0 .. SERIES - 1) {
		assert(i >= known || shown[i])
	}
}

init {
	byte i, k;
	atomic {
		memory_begin(i, k);
		run writer();
		run reader()
	}
}
