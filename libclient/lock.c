/* SPDX-License-Identifier: MIT */
/* Locks that survive the death of their holder.
 *
 * One 64-bit word: thread id of the holder << 32 | tag << 1 | waiters. Waiting is a futex on the low half. A waiter
 * that has slept in vain asks whether the holder is dead and takes the lock over: everything that is written under
 * these locks is published by one last store, so that what a dead holder left is either complete or invisible.
 *
 * Not pthread robust mutexes: their size and content differ between C libraries, and they know threads by an id that a
 * raw clone() leaves stale.
 *
 * Progress: blocking, bounded by the timeout. All signals are blocked while a lock is held, or a handler that registers
 * a series would wait for its own thread.
 */
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "private.h"

#define LOCK_SLICE_NS 20000000 /* how long to sleep before looking at the holder */
#define LOCK_TIMEOUT_NS 100000000
#define LOCK_AFTER_TIMEOUT_NS 1000000000

static uint32_t *lock_futex(uint64_t *word)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (uint32_t *)word;
#else
	return (uint32_t *)word + 1;
#endif
}

static bool lock_try(uint64_t *word, uint64_t mine)
{
	uint64_t free_word = 0;
	return mstat_cas_acquire(word, &free_word, mine); /* pairs with the release in mstat_lock_release() */
}

static void lock_wait(uint64_t *word, uint64_t seen)
{
	struct timespec slice = {.tv_nsec = LOCK_SLICE_NS};
	syscall(SYS_futex, lock_futex(word), FUTEX_WAIT, (uint32_t)seen, &slice, NULL, 0);
}

bool mstat_lock_take(uint64_t *word, uint32_t tag, bool (*holder_dead)(uint64_t word), int64_t timeout_ns)
{
	uint64_t mine = (uint64_t)(uint32_t)syscall(SYS_gettid) << 32 | (uint64_t)tag << 1;
	uint64_t deadline_ns = 0;
	if (lock_try(word, mine))
		return true;
	for (;;) {
		uint64_t seen = mstat_load_relaxed(word);
		if (!seen) {
			/* Others may be asleep: keep their flag, or nobody would wake them. */
			if (lock_try(word, mine | 1))
				return true;
			continue;
		}
		if (!(seen & 1) && !mstat_cas_relaxed(word, &seen, seen | 1))
			continue;
		seen |= 1;
		lock_wait(word, seen);
		if (mstat_load_relaxed(word) == seen && holder_dead(seen) && mstat_cas_acquire(word, &seen, mine | 1))
			return true;
		uint64_t now_ns = mstat_monotonic_ns();
		if (!deadline_ns)
			deadline_ns = now_ns + (uint64_t)timeout_ns;
		else if (now_ns >= deadline_ns)
			return false;
	}
}

void mstat_lock_release(uint64_t *word)
{
	uint64_t held = mstat_exchange_release(word, 0); /* pairs with the acquire in lock_try() */
	if (held & 1)
		syscall(SYS_futex, lock_futex(word), FUTEX_WAKE, 1, NULL, NULL, 0);
}

void mstat_signals_block(struct mstat_signals *signals)
{
	uint64_t all = ~0ull;
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, &signals->mask, sizeof(all));
}

void mstat_signals_restore(const struct mstat_signals *signals)
{
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &signals->mask, NULL, sizeof(signals->mask));
}

static bool thread_dead(uint64_t word)
{
	return syscall(SYS_tkill, (pid_t)(word >> 32), 0) < 0 && errno == ESRCH;
}

bool mstat_process_lock(struct mstat_signals *signals)
{
	mstat_signals_block(signals);
	if (mstat_lock_take(&mstat_process.lock, 0, thread_dead, 20 * (int64_t)LOCK_TIMEOUT_NS))
		return true;
	mstat_signals_restore(signals);
	return false;
}

void mstat_process_unlock(const struct mstat_signals *signals)
{
	mstat_lock_release(&mstat_process.lock);
	mstat_signals_restore(signals);
}

/* The tag of the segment's lock is the holder's process slot + 1; a process without a slot is known by its thread only.
 */
static bool segment_holder_dead(uint64_t word)
{
	uint32_t slot = (uint32_t)(word & UINT32_MAX) >> 1;
	if (!slot || slot > mstat_root.layout.process_max)
		return thread_dead(word);
	if (slot == mstat_process.slot)
		return thread_dead(word);
	return !mstat_slot_alive(slot - 1);
}

bool mstat_segment_lock(void)
{
	uint64_t *word = &mstat_header()->lock;
	uint32_t tag = mstat_process.slot;
	/* After a timeout, do not make every registration wait as long again. */
	int64_t timeout_ns = LOCK_TIMEOUT_NS;
	if (mstat_process.lock_timeout_ns) {
		if (mstat_monotonic_ns() < mstat_process.lock_timeout_ns)
			return lock_try(word, (uint64_t)(uint32_t)syscall(SYS_gettid) << 32 | (uint64_t)tag << 1);
		mstat_process.lock_timeout_ns = 0;
	}
	if (mstat_lock_take(word, tag, segment_holder_dead, timeout_ns))
		return true;
	mstat_process.lock_timeout_ns = mstat_monotonic_ns() + LOCK_AFTER_TIMEOUT_NS;
	return false;
}

void mstat_segment_unlock(void)
{
	mstat_lock_release(&mstat_header()->lock);
}
