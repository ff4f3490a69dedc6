/* SPDX-License-Identifier: MIT */
/* The fold, with the agent killed before each of its steps and started again: fold_take(), fold_commit(),
 * entry_recover() and marks_prune() in agentd/segment/fold.c.
 *
 * Two segments of one service. Whoever finds one under its name may adopt it and count; the agent moves it, adds it to
 * the totals in memory, writes totals and marks to a new file, renames that over the old one, and unlinks the segment.
 * The kernel keeps what was done, and what the agent remembers is lost when it is killed.
 *
 * Promised: in the end the totals are what was counted, and no mark and no moved file is left.
 *
 * BROKEN UNLINK_FIRST: the segment is removed before the totals are written
 * BROKEN NO_MARK: the state file does not say what it holds
 * BROKEN MARK_LATER: marks are written behind the totals, to a file of their own
 * BROKEN SAVE_BEFORE_RENAME: the totals are written before the segment has moved
 * BROKEN UNMARK_FIRST: the mark is taken away, and saved so, before the segment is removed
 * BROKEN IN_PLACE: the state file is written over, not renamed into its place
 * BROKEN NO_PRUNE: marks of files that are gone are kept
 */
#define SEGMENTS 2
#define KILLS 3
#define COUNTS 3

#define BIT(segment) (1 << (segment))

/* What the kernel keeps. */
byte value[SEGMENTS];
byte here = 3;   /* bit by segment: under its name */
byte moved;      /* in folding */
byte adopted;    /* mapped and locked by a program */
byte held;       /* locked by the agent */
byte saved_totals, saved_marks;
bool saved_whole = true;

byte counted;
bool programs_over;

proctype programs()
{
	byte i, n;
	for (n : 1 .. COUNTS) {
		if
		:: i = 0
		:: i = 1
		fi;
		if
		:: atomic { (here & BIT(i)) && !(held & BIT(i)) -> adopted = adopted | BIT(i) };
			d_step { value[i]++; counted++ };
			adopted = adopted & ~BIT(i)
		:: true
		fi
	}
	programs_over = true
}

byte kills;

/* Anywhere between two steps. */
inline step()
{
	if
	:: kills < KILLS -> kills++; goto killed
	:: true
	fi
}

/* totals_save(). */
inline save()
{
#ifdef IN_PLACE
	saved_whole = false;
	step();
#endif
#ifdef MARK_LATER
	saved_totals = totals;
	step();
	saved_marks = marks;
#else
	d_step { saved_totals = totals; saved_marks = marks };
#endif
	saved_whole = true;
	step()
}

/* Adds what was moved to the totals in memory. */
inline add(segment)
{
	d_step {
		totals = totals + value[segment];
#ifndef NO_MARK
		marks = marks | BIT(segment);
#endif
		folding = folding | BIT(segment)
	}
}

/* fold_commit(): all that was added is saved before the first of them is removed. */
inline commit()
{
	if
	:: folding ->
#ifdef UNLINK_FIRST
		d_step { moved = moved & ~folding; marks = marks & ~folding };
		step();
		save();
#else
		save();
#ifdef UNMARK_FIRST
		marks = marks & ~folding;
		save();
#endif
		for (k : 0 .. SEGMENTS - 1) {
			if
			:: folding & BIT(k) ->
				moved = moved & ~BIT(k);
				marks = marks & ~BIT(k);
				step()
			:: else
			fi
		}
#endif
		held = held & ~folding;
		folding = 0
	:: else
	fi
}

proctype agent()
{
	byte totals, marks, folding, i, k;
	bool last;

start:	skip; /* fold_open() */
	d_step { totals = 0; marks = 0; folding = 0; held = 0 };
	assert(saved_whole);
	d_step { totals = saved_totals; marks = saved_marks };
	for (i : 0 .. SEGMENTS - 1) {
		if
		:: (moved & BIT(i)) && (marks & BIT(i)) ->
			moved = moved & ~BIT(i);
			step()
		:: (moved & BIT(i)) && !(marks & BIT(i)) -> add(i)
		:: else
		fi
	}
	commit();
#ifndef NO_PRUNE
	d_step { marks = marks & moved };
#endif
	do
	:: true ->
		last = programs_over;
		for (i : 0 .. SEGMENTS - 1) {
			/* fold_take() */
			if
			:: atomic { (here & BIT(i)) && !(adopted & BIT(i)) -> held = held | BIT(i) };
				step();
#ifdef SAVE_BEFORE_RENAME
				add(i);
				save();
				d_step { here = here & ~BIT(i); moved = moved | BIT(i) };
				step()
#else
				d_step { here = here & ~BIT(i); moved = moved | BIT(i) };
				step();
				add(i)
#endif
			:: else
			:: !last -> skip
			fi
		}
		commit();
		if
		:: last -> break
		:: !last && kills < KILLS -> skip
		:: !last && kills == KILLS -> programs_over
		fi
	od;
	save();
	goto end;
killed:	goto start;
end:	skip
}

init {
	atomic {
		run programs();
		run agent()
	}
	_nr_pr == 1;
	assert(!here && !moved);
	assert(saved_totals == counted);
	assert(saved_marks == 0)
}
