/* SPDX-License-Identifier: MIT */
/* A series is removed, its cell serves another one or the same again, while threads add to it and a reader copies:
 * rules W7 and R2 of include/mstat/segment.h, libclient/remove.c and series_revive() in libclient/registry.c.
 *
 * Series A counts in cell CELL. It is removed; after the grace period the cell is zeroed. Meanwhile another
 * thread registers: A again, or B, which takes the cell if it is free. A counts by ones, and by twenties from zero if
 * its cell was zeroed before it came back; B counts by tens. So each count tells whose it is.
 *
 * Promised: the reader never pairs a series with a count of another one, nor a creation time with a count of another
 * life; no count of a series that came back with its old cell is lost.
 *
 * BROKEN NO_GRACE: the cell is zeroed at once
 * BROKEN NO_SECOND_LOOK: the reader does not look at the states again
 * BROKEN NO_FENCE_BEFORE: the reader copies states and cells in any order
 * BROKEN NO_FENCE_AFTER: the reader copies cells and the second states in any order
 * BROKEN NO_GENERATION: a state word says LIVE and nothing else
 * BROKEN NO_BURIAL_CHECK: the cell is zeroed although its series has come back
 * BROKEN NO_OWNER: a series that comes back takes its old cell whoever has it
 * BROKEN LIVE_RELAXED: a state is stored without release
 * BROKEN CREATED_ONCE: the time of creation is copied with the first state only
 */
#define STATE_A 0   /* generation * 4 + LIVE or REMOVED */
#define CREATED_A 1 /* 1, 2: the life that it is of */
#define STATE_B 2
#define CELL 3
#define HANDLE_A 4  /* where updates of A go: CELL, or nowhere */
#define LOCATIONS 5
#define WRITERS 3
#define REMOVER 0
#define REGISTRANT 1
#define UPDATER 2
#include "memory.pml"

#define LIVE 1
#define REMOVED 2
#define IS_LIVE(word) (((word) & 3) == LIVE)
#ifdef NO_GENERATION
#define WORD(generation, kind) (kind)
#else
#define WORD(generation, kind) ((generation) * 4 + (kind))
#endif
#ifdef LIVE_RELAXED
#define store_live store
#else
#define store_live store_release
#endif
#define NOBODY 0
#define A 1
#define B 2

/* Of this process, under its lock: no reader sees them. */
bool locked;
bool cell_free;
byte owner = A;

/* What the checks know. */
bool in_section;  /* the updater has read the handle and not added yet */
byte acknowledged; /* adds of A in its first life, that everybody can know of */
byte life = 1;

inline lock()
{
	atomic { !locked -> locked = true }
}

/* release: what was stored before it is in memory before the next one takes it; later stores may overtake. Nobody else
 * stores until then, so that waiting here forbids nothing but that. */
inline unlock(writer)
{
	atomic { DRAINED(writer) -> locked = false }
}

proctype remover()
{
	byte buried;
	lock();
	store_release(REMOVER, STATE_A, WORD(2, REMOVED));
	buried = WORD(2, REMOVED);
	store_release(REMOVER, HANDLE_A, NOBODY);
#ifdef NO_GRACE
	goto release; /* the lock is not even given up */
#endif
	unlock(REMOVER);
	/* membarrier and RCU: every section that began before is over, what it stored is in memory. */
	atomic { DRAINED(REMOVER) && DRAINED(UPDATER) && !in_section -> skip };
	lock();
release:
	if
#ifndef NO_BURIAL_CHECK
	:: OWN(REMOVER, STATE_A) != buried -> skip
	:: OWN(REMOVER, STATE_A) == buried ->
#else
	:: true ->
#endif
		store(REMOVER, CELL, 0);
		owner = NOBODY;
		cell_free = true
	fi;
	unlock(REMOVER)
}

/* series_revive(), or mstat_series_make() of another series. */
proctype registrant()
{
	byte value;
	lock();
	if
	:: OWN(REGISTRANT, STATE_A) == WORD(2, REMOVED) ->
		if
		:: owner == A -> skip /* as it was left */
#ifdef NO_OWNER
		:: owner != A -> skip
#else
		:: owner == NOBODY && cell_free ->
			cell_free = false;
			owner = A;
			store(REGISTRANT, CREATED_A, 2);
			life = 2
		:: owner == B -> goto done /* a cell of its own: another series for the reader */
#endif
		fi;
		store_live(REGISTRANT, STATE_A, WORD(3, LIVE));
		store_release(REGISTRANT, HANDLE_A, CELL)
	:: cell_free ->
		cell_free = false;
		owner = B;
		store_live(REGISTRANT, STATE_B, WORD(1, LIVE));
		/* Its first add, by a thread that has the handle from here. */
		value = OWN(REGISTRANT, CELL) + 10;
		store(REGISTRANT, CELL, value)
	:: true -> skip
	fi;
done:	unlock(REGISTRANT)
}

/* Adds to A: in a restartable section, or by a locked add in an RCU read-side section. A section that is restarted is
 * one that ends without having stored. */
proctype updater()
{
	byte n, at, value, amount;
	for (n : 1 .. 2) {
		atomic { in_section = true; at = memory[HANDLE_A]; amount = (life == 1 -> 1 : 20) };
		if
		:: at == CELL ->
			/* An add is one to whatever the cell holds: no other store to it is on its way. */
			atomic { STORED(REMOVER, CELL) && STORED(REGISTRANT, CELL) ->
				value = OWN(UPDATER, CELL) + amount;
				store(UPDATER, CELL, value);
				value = 0 }
		:: else -> skip
		fi;
		in_section = false;
		if
		:: atomic { at == CELL && amount == 1 && DRAINED(UPDATER) -> acknowledged++ }
		:: true
		fi
	}
}

/* A read of the file copies its words in any order. */
#ifdef NO_FENCE_BEFORE
#define CELLS_WITH_FIRST true
#else
#define CELLS_WITH_FIRST ((got & 7) == 7)
#endif
#ifdef NO_FENCE_AFTER
#define LAST_WITH_CELLS ((got & 7) == 7)
#else
#define LAST_WITH_CELLS ((got & 15) == 15)
#endif

proctype reader()
{
	byte state_a, state_b, created, value, state_a_after, state_b_after, created_after, got, known;
	bool shows_a, shows_b;
	known = acknowledged;
	do
	:: !(got & 1) -> atomic { state_a = memory[STATE_A]; got = got | 1 }
	:: !(got & 2) -> atomic { created = memory[CREATED_A]; got = got | 2 }
	:: !(got & 4) -> atomic { state_b = memory[STATE_B]; got = got | 4 }
	:: !(got & 8) && CELLS_WITH_FIRST -> atomic { value = memory[CELL]; got = got | 8 }
	:: !(got & 16) && LAST_WITH_CELLS -> atomic { state_a_after = memory[STATE_A]; got = got | 16 }
	:: !(got & 32) && LAST_WITH_CELLS -> atomic { state_b_after = memory[STATE_B]; got = got | 32 }
	:: !(got & 64) && LAST_WITH_CELLS -> atomic { created_after = memory[CREATED_A]; got = got | 64 }
	:: (got & 127) == 127 -> break
	od;
	shows_a = IS_LIVE(state_a);
	shows_b = IS_LIVE(state_b);
#ifndef NO_SECOND_LOOK
	shows_a = shows_a && state_a == state_a_after;
	shows_b = shows_b && state_b == state_b_after;
#ifndef CREATED_ONCE
	shows_a = shows_a && created == created_after;
#endif
#endif
	assert(!(shows_a && shows_b));
	assert(!shows_a || created != 1 || value <= 2);
	assert(!shows_a || created != 1 || value >= known);
	assert(!shows_a || created != 2 || value == 0 || value == 20 || value == 40);
	assert(!shows_b || value == 0 || value == 10)
}

init {
	byte i, k;
	atomic {
		memory[STATE_A] = WORD(1, LIVE);
		memory[CREATED_A] = 1;
		memory[HANDLE_A] = CELL;
		memory_begin(i, k);
		run remover();
		run registrant();
		run updater();
		run reader()
	}
}
