/* SPDX-License-Identifier: MIT */
/* Registration under a lock whose owner may die: libclient/lock.c, mstat_series_make() and registry_recover() in
 * libclient/registry.c.
 *
 * Three registrants make a series each. Two of them may be killed between any two steps; who waits asks whether the
 * holder is dead, and takes the lock over.
 *
 * Promised: one holder at a time; records and numbers of series agree, whoever died where; a series half made is
 * completed by the next registrant.
 *
 * BROKEN NO_RECOVERY: the next registrant does not look for a half-made series
 * BROKEN TAKEOVER_BY_STORE: a dead holder's lock is taken by a store, not by compare and exchange
 * BROKEN TAKEOVER_OF_THE_LIVING: a lock is taken over after a time, without asking
 * BROKEN UNLOCK_RELAXED: the lock is given up without release
 * BROKEN COUNT_FIRST: the series is counted before its record is published
 */
#define LOCK 0 /* 1 + holder */
#define ARENA_LEN 1
#define COUNT 2
#define RECORD 3 /* in the order of the arena; 1 + the number of its series */
#define REGISTRANTS 3
#define LOCATIONS 6
#define WRITERS REGISTRANTS
#include "memory.pml"

#ifdef UNLOCK_RELAXED
#define store_lock store
#else
#define store_lock store_release
#endif

#ifdef TAKEOVER_OF_THE_LIVING
#define HOLDER_DEAD true
#else
#define HOLDER_DEAD dead[memory[LOCK] - 1]
#endif

bool dead[REGISTRANTS];
byte inside; /* registrants that believe to hold the lock, and live */
byte made;   /* by those who lived to know */

/* The last one lives. */
inline may_die()
{
	if
	:: self < REGISTRANTS - 1 -> inside--; goto killed
	:: true
	fi
}

proctype registrant(byte self)
{
	byte seen, number, place;

	do
	:: atomic { CAN_CAS(self, LOCK, 0) -> memory[LOCK] = self + 1; break }
	:: atomic { memory[LOCK] != 0 && memory[LOCK] != self + 1 && HOLDER_DEAD -> seen = memory[LOCK] };
#ifdef TAKEOVER_BY_STORE
	   atomic { memory[LOCK] = self + 1; break }
#else
	   if
	   :: atomic { CAN_CAS(self, LOCK, seen) -> memory[LOCK] = self + 1; break }
	   :: else -> skip
	   fi
#endif
	od;
	atomic { assert(inside == 0); inside++ };
	may_die();
#ifndef NO_RECOVERY
	do
	:: OWN(self, COUNT) < OWN(self, ARENA_LEN) ->
		number = OWN(self, COUNT) + 1;
		store_release(self, COUNT, number);
		may_die()
	:: else -> break
	od;
#endif
	atomic { number = OWN(self, COUNT); place = OWN(self, ARENA_LEN) };
	store(self, RECORD + place, number + 1);
	may_die();
#ifdef COUNT_FIRST
	store_release(self, COUNT, number + 1);
	may_die();
	store_release(self, ARENA_LEN, place + 1);
#else
	store_release(self, ARENA_LEN, place + 1);
	may_die();
	store_release(self, COUNT, number + 1);
#endif
	may_die();
	atomic { inside--; made++ };
	store_lock(self, LOCK, 0);
	goto end;
killed:	/* What it stored is in memory before the kernel says that it is gone. */
	atomic { DRAINED(self) -> dead[self] = true };
end:	skip
}

init {
	byte i, k;
	atomic {
		memory_begin(i, k);
		for (i : 0 .. REGISTRANTS - 1) {
			run registrant(i)
		}
	}
	_nr_pr == 1 + WRITERS * LOCATIONS && DRAINED(0) && DRAINED(1) && DRAINED(2);
	assert(memory[COUNT] <= memory[ARENA_LEN] && memory[ARENA_LEN] <= memory[COUNT] + 1);
	assert(made <= memory[ARENA_LEN]);
	for (i : 0 .. REGISTRANTS - 1) {
		assert(i >= memory[ARENA_LEN] || memory[RECORD + i] == i + 1)
	}
}
