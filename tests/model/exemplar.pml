/* SPDX-License-Identifier: MIT */
/* A slot of an exemplar: slot_claim() and exemplar_store() in libclient/exemplar.c against a reader that copies,
 * slot_take() in agentd/segment/exemplars.c.
 *
 * Two writers have an exemplar each, of two words that belong together. The first may be killed or stopped anywhere;
 * after a time, which here is any, its slot is given up and the second takes it over.
 *
 * Promised: a mixture of two exemplars, or a part of one, is never shown; and a slot that no living writer was driven
 * out of shows an exemplar in the end.
 *
 * BROKEN NO_CHECK: the reader believes what has an even sequence
 * BROKEN CHECK_OF_SLOT: the check is made from what the slot holds
 * BROKEN NO_CLAIM: a writer writes although another one is writing
 * BROKEN SEQUENCE_RELAXED: without a check, and the sequence stored without release
 */
#define SEQUENCE 0
#define FIRST 1
#define SECOND 2
#define CHECK 3
#define LOCATIONS 4
#define WRITERS 2
#include "memory.pml"

/* The real check is a hash of all bytes: one that has no collisions. */
#define CHECK_OF(first, second) ((first) * 4 + (second))

bool writing[WRITERS];
bool dead[WRITERS];
bool driven_out; /* a living writer lost its slot */
bool left_odd;   /* the last one that tried met a dead one's slot, too early to give it up */

proctype writer(byte self)
{
	byte sequence, check;
	atomic {
		sequence = memory[SEQUENCE];
		if
		:: STORED(self, SEQUENCE) && !(sequence & 1) ->
			sequence++
#ifdef NO_CLAIM
		:: STORED(self, SEQUENCE) && (sequence & 1) -> skip
#else
		:: STORED(self, SEQUENCE) && (sequence & 1) ->
			sequence = sequence + 2;
			driven_out = driven_out || writing[1 - self]
		:: (sequence & 1) ->
			left_odd = dead[1 - self];
			goto done
#endif
		fi;
		memory[SEQUENCE] = sequence;
		writing[self] = true
	}
	if
	:: self == 0 -> goto killed
	:: true
	fi;
	store(self, FIRST, self + 1);
	if
	:: self == 0 -> goto killed
	:: true
	fi;
	store(self, SECOND, self + 1);
	if
	:: self == 0 -> goto killed
	:: true
	fi;
#ifdef CHECK_OF_SLOT
	check = CHECK_OF(OWN(self, FIRST), OWN(self, SECOND));
	store(self, CHECK, check);
#else
	store(self, CHECK, CHECK_OF(self + 1, self + 1));
#endif
	if
	:: self == 0 -> goto killed
	:: true
	fi;
#ifdef SEQUENCE_RELAXED
	store(self, SEQUENCE, sequence + 1);
#else
	store_release(self, SEQUENCE, sequence + 1);
#endif
	goto done;
killed:	DRAINED(self);
	dead[self] = true;
	writing[self] = false;
	goto end;
done:	DRAINED(self);
	writing[self] = false;
end:	skip
}

proctype reader()
{
	byte sequence, first, second, check, got;
	do
	:: !(got & 1) -> atomic { sequence = memory[SEQUENCE]; got = got | 1 }
	:: !(got & 2) -> atomic { first = memory[FIRST]; got = got | 2 }
	:: !(got & 4) -> atomic { second = memory[SECOND]; got = got | 4 }
	:: !(got & 8) -> atomic { check = memory[CHECK]; got = got | 8 }
	:: got == 15 -> break
	od;
#if defined(NO_CHECK) || defined(SEQUENCE_RELAXED)
	assert((sequence & 1) || first == second)
#else
	assert((sequence & 1) || check != CHECK_OF(first, second) || first == second)
#endif
}

init {
	byte i, k;
	atomic {
		memory_begin(i, k);
		run writer(0);
		run writer(1);
		run reader()
	}
	/* All is over but drain(). */
	_nr_pr == 1 + WRITERS * LOCATIONS;
	assert(driven_out || left_odd || (dead[0] && (memory[SEQUENCE] & 1)) ||
	       (!(memory[SEQUENCE] & 1) && memory[FIRST] == memory[SECOND] &&
		memory[CHECK] == CHECK_OF(memory[FIRST], memory[SECOND])))
}
