/* SPDX-License-Identifier: MIT */
/* Memory as weakly ordered machines (aarch64) have it: each writer's stores reach memory in any order, but for those to
 * one location, and but for a release, which reaches it behind all stores that were made before it. Stores behind a
 * release may overtake it. Memory is one for all readers, as on aarch64: they load from it directly.
 *
 * Loads are in the order of the model that makes them: a copy without a fence inside loads its words in any order, and
 * says so by a loop of its own.
 *
 * Before including: LOCATIONS (at most 15) and WRITERS. Afterwards: memory_begin() in init.
 */
#define BIT(at) (1 << (at))

typedef store_buffer {
	short pending;           /* bit by location: stored, not in memory yet */
	byte value[LOCATIONS];
	short after[LOCATIONS];  /* what must be in memory first */
}

byte memory[LOCATIONS];
store_buffer buffers[WRITERS];

/* What the writer itself sees. */
#define OWN(writer, at) ((buffers[writer].pending & BIT(at)) -> buffers[writer].value[at] : memory[at])
/* A full barrier is passed when this holds; so is a grace period, a membarrier, the end of a process. */
#define DRAINED(writer) (buffers[writer].pending == 0)
#define STORED(writer, at) ((buffers[writer].pending & BIT(at)) == 0)

/* A store to a location that has one pending replaces it: the earlier value is never seen. That it is seen is the run
 * in which drain() comes first. */
inline store(writer, at, v)
{
	d_step {
		buffers[writer].value[at] = v;
		buffers[writer].pending = buffers[writer].pending | BIT(at)
	}
}

inline store_release(writer, at, v)
{
	d_step {
		STORED(writer, at);
		buffers[writer].after[at] = buffers[writer].pending;
		buffers[writer].value[at] = v;
		buffers[writer].pending = buffers[writer].pending | BIT(at)
	}
}

/* A read-modify-write is made in memory itself. */
#define CAN_CAS(writer, at, expected) (STORED(writer, at) && memory[at] == (expected))

proctype drain(byte writer; byte at)
{
	byte i;
end:	do
	:: d_step {
		(buffers[writer].pending & BIT(at)) && (buffers[writer].pending & buffers[writer].after[at]) == 0 ->
		memory[at] = buffers[writer].value[at];
		buffers[writer].value[at] = 0;
		buffers[writer].after[at] = 0;
		buffers[writer].pending = buffers[writer].pending & ~BIT(at);
		/* What waited for this store does not wait for a later one. */
		i = 0;
		do
		:: i < LOCATIONS ->
			buffers[writer].after[i] = buffers[writer].after[i] & ~BIT(at);
			i++
		:: else -> break
		od;
		i = 0
	}
	od
}

inline memory_begin(writer, at)
{
	for (writer : 0 .. WRITERS - 1) {
		for (at : 0 .. LOCATIONS - 1) {
			run drain(writer, at)
		}
	}
}
