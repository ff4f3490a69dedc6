/* SPDX-License-Identifier: MIT */
/* This process: attached to the segment on its first use, and again after a fork.
 *
 * mstat_process lies in memory that a child sees as zeros. The child's first update finds no row and comes here: it
 * gets a slot of its own in the segment's process table, its own index of series, and finds the rows again. What it
 * inherited and may use: mstat_root, and handles, whose content was final before they were given out.
 */
#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <urcu/urcu-bp.h>

#include "private.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

struct mstat_process mstat_process;

/* Children hold copies of this process' handles: from before the fork on, cells are not given to other series. Under
 * the lock, so that no other thread is in the middle of giving one away: the child would be stale from its beginning.
 */
static void fork_prepare(void)
{
	struct mstat_signals signals;
	int saved_errno = errno;
	if (!mstat_load_relaxed(&mstat_root.forked)) {
		bool locked = mstat_process_lock(&signals);
		mstat_store_relaxed(&mstat_root.forked, 1);
		if (locked)
			mstat_process_unlock(&signals);
	}
	errno = saved_errno;
}

static void fork_child(void)
{
	/* Kernels before 4.14 did not wipe. */
	__builtin_memset(&mstat_process, 0, sizeof(mstat_process));
}

/* Once in the first process of a tree. */
static void process_prepare(void)
{
	bool wipes = !madvise(&mstat_process, sizeof(mstat_process), MADV_WIPEONFORK);
	pthread_atfork(fork_prepare, NULL, wipes ? NULL : fork_child);
	mstat_rseq_setup();
	/* Reuse of cells needs a fence for restartable sequences; without it, cells are not reused. */
	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0);
}

/* Handles that this process inherited may name cells that its parent has given to other series since: everything that
 * it writes goes to memory that nobody reads. It takes a raw clone() from a process that removes series to get here. */
static void process_go_stale(void)
{
	size_t bytes = mstat_max(mstat_root.layout.row_stride, mstat_root.layout.gauge_stride);
	char *nowhere = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (nowhere == MAP_FAILED)
		return;
	for (uint32_t cpu = 0; cpu < mstat_root.layout.cpu_count; cpu++)
		mstat_store_release(&mstat_process.rows[cpu],
				    nowhere); /* pairs with the dependent load in mstat_add() */
	mstat_store_release(&mstat_process.gauge_row, nowhere);
	mstat_process.stale = 1;
	mstat_refuse(MSTAT_REASON_STALE_FORK);
}

static bool process_open(const struct mstat_options *options)
{
	process_prepare();
	if (!mstat_root_open(options))
		return false;
	/* This process has seen the segment from its beginning: it alone may reuse cells, and its readers say when. */
	mstat_process.rcu = 1;
	mstat_store_release(&mstat_root.ready, 1); /* pairs with the acquire in mstat_root_ready() */
	return true;
}

/* With mstat_process.lock held. */
static bool process_attach(const struct mstat_options *options)
{
	if (mstat_attached())
		return true;
	if (!mstat_root_ready()) {
		if (mstat_root.reason == MSTAT_REASON_NO_MEMORY && !mstat_root.base && mstat_process.last_reason)
			return false; /* tried before: do not try at every update */
		if (!process_open(options)) {
			mstat_root_fail(MSTAT_REASON_NO_MEMORY, ENOMEM);
			return false;
		}
	}
	bool locked = mstat_segment_lock();
	/* Under the lock: once it has a slot, nobody gives away a cell whose handle it holds. */
	if (mstat_load_relaxed(&mstat_header()->reuse_epoch) != mstat_root.reuse_epoch)
		process_go_stale();
	if (locked) {
		mstat_slot_claim();
		mstat_segment_unlock();
	}
	mstat_store_release(&mstat_process.attached, 1); /* pairs with the acquire in mstat_attached() */
	return true;
}

static bool attach_with(const struct mstat_options *options)
{
	struct mstat_signals signals;
	if (!mstat_process_lock(&signals))
		return false;
	bool attached = process_attach(options);
	mstat_process_unlock(&signals);
	return attached;
}

bool mstat_attach(void)
{
	return mstat_attached() || attach_with(NULL);
}

int mstat_open(const struct mstat_options *options)
{
	int saved_errno = errno;
	struct mstat_options copy = {0};
	int reason;
	if (mstat_attached() || mstat_root_ready() || !options ||
	    options->size < offsetof(struct mstat_options, series_max)) {
		mstat_attach();
		reason = options ? MSTAT_REASON_OPTIONS : mstat_root.reason;
		if (options)
			mstat_refuse(reason);
	} else {
		/* A program built against an older header passes a shorter struct. */
		__builtin_memcpy(&copy, options, mstat_min(options->size, sizeof(copy)));
		attach_with(&copy);
		reason = mstat_root.reason;
	}
	errno = saved_errno;
	return reason;
}
