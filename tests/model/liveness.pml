/* SPDX-License-Identifier: MIT */
/* Death of the last process of a tree, adoption of what it leaves, and the fold: file_adopt() and names_try() in
 * libclient/open.c against fold_take() in agentd/segment/fold.c.
 *
 * Programs of one service come, count once and die. Each takes the first name that it can: it adopts the file of a dead
 * one, or makes a file of its own. The write lock of a tree lasts as long as its mapping. The agent folds what nobody
 * holds.
 *
 * Promised: nothing is written to a file that was folded, every count is in the totals or in a file that has a name,
 * once.
 *
 * BROKEN NO_READ_LOCK: the agent asks whether there is a lock and takes none
 * BROKEN READ_BEFORE_LOCK: the agent adds what it read before it had the lock
 * BROKEN NO_NAME_CHECK: an adopter does not ask whether the name still leads to the file that it has locked
 * BROKEN LOCK_OF_POSIX: the lock goes with the first descriptor that is closed
 * BROKEN ADOPTER_WITHOUT_LOCK: an adopter maps the file whatever the lock says
 * BROKEN LOCK_AFTER_NAME: a new file gets its name before its lock
 */
#define PROGRAMS 3
#define NAMES 2
#define NOBODY 0
#define FILES (PROGRAMS + 1)

byte named[NAMES];    /* file number; 0: the name is free */
byte value[FILES];
byte writers[FILES];  /* write lock: 1 */
byte readers[FILES];  /* read lock of the agent: 1 */
bool folded[FILES];
byte files, totals, counted;

inline write_lock(file, taken)
{
	atomic {
		if
		:: !writers[file] && !readers[file] -> writers[file] = 1; taken = true
		:: else -> taken = false
		fi
	}
}

proctype program()
{
	byte name, file, own; /* own: made, and without a name yet */
	bool taken;

next:	file = named[name];
	if
	:: file == NOBODY ->
		/* Made whole, and kept for the next name if this one is taken meanwhile. */
		if
		:: !own -> d_step { files++; own = files }
		:: else
		fi;
		file = own;
#ifndef LOCK_AFTER_NAME
		writers[file] = 1;
#endif
		atomic {
			if
			:: named[name] == NOBODY -> named[name] = file
			:: else -> goto again
			fi
		}
#ifdef LOCK_AFTER_NAME
		writers[file] = 1
#endif
	:: file != NOBODY && own -> goto again
	:: else ->
		write_lock(file, taken);
#ifndef ADOPTER_WITHOUT_LOCK
		if
		:: !taken -> goto again
		:: else
		fi;
#endif
#ifndef NO_NAME_CHECK
		if
		:: named[name] != file -> writers[file] = 0; goto again
		:: else
		fi
#endif
	fi;
	/* Mapped; the descriptor is closed. */
#ifdef LOCK_OF_POSIX
	writers[file] = 0;
#endif
	atomic { assert(!folded[file]); value[file]++; counted++ };
	writers[file] = 0; /* its death */
	goto end;
again:	name++;
	if
	:: name < NAMES -> goto next
	:: else
	fi;
end:	skip
}

proctype agent()
{
	byte round, name, file, found, moved;
	for (round : 1 .. 2) {
		for (name : 0 .. NAMES - 1) {
			/* segment_open() */
			file = named[name];
			if
			:: file == NOBODY -> goto no
			:: else
			fi;
#ifdef READ_BEFORE_LOCK
			found = value[file];
#endif
			/* liveness_lock() */
			atomic {
				if
				:: writers[file] -> goto no
				:: else ->
#ifndef NO_READ_LOCK
					readers[file] = 1
#endif
				fi
			};
			if
			:: named[name] != file -> goto unlock
			:: else
			fi;
#ifndef READ_BEFORE_LOCK
			found = value[file];
#endif
			atomic { moved = named[name]; named[name] = NOBODY };
			assert(moved == file);
			atomic { totals = totals + found; folded[file] = true };
unlock:			readers[file] = 0;
no:			file = NOBODY
		}
	}
}

init {
	byte i;
	atomic {
		for (i : 1 .. PROGRAMS) {
			run program()
		}
		run agent()
	}
	_nr_pr == 1;
	for (i : 0 .. NAMES - 1) {
		totals = totals + (named[i] != NOBODY -> value[named[i]] : 0)
	}
	assert(totals == counted)
}
