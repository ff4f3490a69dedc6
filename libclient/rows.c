/* SPDX-License-Identifier: MIT */
/* Counter rows: populated when a CPU first writes, extended when series are registered, and the slow path of every add.
 *
 * A thread with rseq adds to its CPU's row inside a restartable sequence. A thread without (no kernel support, refused
 * by a sandbox, valgrind) adds with locked instructions to one of the shared rows, which exist from the start. The two
 * kinds never meet in one row, or the plain add of the one would overwrite the locked add of the other.
 */
#include <errno.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <urcu/urcu-bp.h>

#include "private.h"

#define RSEQ_UNREGISTERED ((uint32_t)-1)
#define RSEQ_REFUSED ((uint32_t)-2)

/* glibc >= 2.35 registers each thread and says where its area is. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

/* The variable behind the constant of record.h: a compiler may read a constant early, so it is set by a constructor
 * that runs before those of applications. */
extern struct mstat_hot hot_variable __asm__("mstat_hot") __attribute__((visibility("default")));
struct mstat_hot hot_variable = {.rows = (char *const *)mstat_process.rows};

/* The library's own area, for threads that nobody registers. Initial-exec: one distance from the thread pointer for all
 * threads, as the hot path needs it. */
static __thread struct mstat_rseq own_rseq __attribute__((tls_model("initial-exec"))) = {.cpu_id = RSEQ_UNREGISTERED};

static struct mstat_rseq *rseq_self(void)
{
#if MSTAT_HAVE_RSEQ
	return mstat_rseq_self();
#else
	return &own_rseq;
#endif
}

__attribute__((constructor(101))) void mstat_rseq_setup(void)
{
#if MSTAT_HAVE_RSEQ
	if (&__rseq_size && &__rseq_offset && __rseq_size) {
		hot_variable.rseq_offset = __rseq_offset;
		return;
	}
#if defined(__x86_64__)
	char *thread;
	__asm__("movq %%fs:0, %0" : "=r"(thread));
#else
	char *thread = __builtin_thread_pointer();
#endif
	hot_variable.rseq_offset = (char *)&own_rseq - thread;
#endif
}

/* Registers the library's own area for this thread; the kernel then keeps its CPU number there. */
static void rseq_register(struct mstat_rseq *rseq)
{
#if MSTAT_HAVE_RSEQ && defined(SYS_rseq)
	if (rseq == &own_rseq && !syscall(SYS_rseq, rseq, (uint32_t)sizeof(*rseq), 0, MSTAT_RSEQ_SIGNATURE))
		return;
#endif
	if (rseq == &own_rseq)
		mstat_store_relaxed(&rseq->cpu_id, RSEQ_REFUSED);
}

bool mstat_rseq_fence(void)
{
	return !syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0, 0);
}

/* ---- rows ---- */

/* Populates a row up to `cells`; 0 or the reason. Segment's lock held. */
static int row_extend(uint32_t row, uint64_t cells)
{
	uint64_t per_page = mstat_page_bytes() / MSTAT_CELL_BYTES;
	uint64_t have = mstat_load_relaxed(mstat_row_state(row));
	uint64_t want = (cells + per_page - 1) / per_page * per_page;
	if (have >= cells)
		return 0;
	int reason = mstat_populate(mstat_root.layout.rows_off + (uint64_t)row * mstat_root.layout.row_stride +
					    have * MSTAT_CELL_BYTES,
				    (want - have) * MSTAT_CELL_BYTES);
	if (!reason)
		mstat_store_release(mstat_row_state(row),
				    want); /* pairs with the acquire in row_ready() and in readers */
	return reason;
}

int mstat_rows_extend(uint32_t cells)
{
	uint32_t rows = mstat_root.layout.cpu_count + MSTAT_SHARED_ROWS;
	for (uint32_t row = 0; row < rows; row++) {
		int reason = mstat_load_relaxed(mstat_row_state(row)) ? row_extend(row, cells) : 0;
		if (reason)
			return reason;
	}
	return 0;
}

static bool row_ready(uint32_t row)
{
	return mstat_load_acquire(mstat_row_state(row)) >= /* pairs with the release in row_extend() */
	       mstat_load_relaxed(&mstat_header()->cells_published);
}

char *mstat_row_activate(uint32_t cpu)
{
	struct mstat_signals signals;
	bool ready;
	if (cpu >= mstat_root.layout.cpu_count)
		return NULL;
	mstat_signals_block(&signals);
	ready = row_ready(cpu);
	if (!ready && mstat_segment_lock()) {
		ready = !row_extend(cpu, mstat_max(mstat_header()->cells_published, 1u));
		mstat_segment_unlock();
	}
	mstat_signals_restore(&signals);
	if (!ready)
		return NULL;
	char *row = mstat_row(cpu);
	mstat_store_release(&mstat_process.rows[cpu], row); /* pairs with the dependent load in mstat_add() */
	return row;
}

/* ---- adding ---- */

/* A shared row for this thread: neighbours on other CPUs should not fight for a cache line. */
static char *row_shared(void)
{
	uintptr_t stack = (uintptr_t)__builtin_frame_address(0);
	uint32_t spread = (uint32_t)((stack >> 12) * 2654435761u) >> 16;
	return mstat_row(mstat_root.layout.cpu_count + spread % MSTAT_SHARED_ROWS);
}

/* This thread's area with a CPU number in it, or NULL: no rseq here. */
static struct mstat_rseq *rseq_ready(void)
{
	struct mstat_rseq *rseq = rseq_self();
	uint32_t cpu_id = mstat_load_relaxed(&rseq->cpu_id);
	if (cpu_id == RSEQ_UNREGISTERED) {
		rseq_register(rseq);
		cpu_id = mstat_load_relaxed(&rseq->cpu_id);
	}
	return cpu_id < MSTAT_CPU_MAX ? rseq : NULL;
}

/* Whether the current CPU has a row; makes one if it can. */
static bool row_current(const struct mstat_rseq *rseq)
{
	uint32_t cpu = mstat_load_relaxed(&rseq->cpu_id);
	return mstat_load_relaxed(&mstat_process.rows[cpu % MSTAT_CPU_MAX]) || mstat_row_activate(cpu);
}

/* Where a locked add must not race with the reuse of a cell, it is a read-side section of the grace period. */
static bool shared_enter(void)
{
	bool rcu = mstat_load_relaxed(&mstat_process.rcu) != 0;
	if (rcu)
		urcu_bp_read_lock();
	return rcu;
}

static void shared_leave(bool rcu)
{
	if (rcu)
		urcu_bp_read_unlock();
}

static void shared_add_u64(const struct mstat_handle *handle, uint64_t at, uint64_t n)
{
	bool rcu = shared_enter();
	mstat_add_relaxed((uint64_t *)(row_shared() + mstat_load_relaxed(&handle->offset) + at), n);
	shared_leave(rcu);
}

static void shared_add_f64(const struct mstat_handle *handle, uint64_t at, double n)
{
	bool rcu = shared_enter();
	uint64_t *cell = (uint64_t *)(row_shared() + mstat_load_relaxed(&handle->offset) + at);
	uint64_t old = mstat_load_relaxed(cell), sum_bits;
	double sum;
	do {
		memcpy(&sum, &old, sizeof(sum));
		sum += n;
		memcpy(&sum_bits, &sum, sizeof(sum));
	} while (!mstat_cas_relaxed(cell, &old, sum_bits));
	shared_leave(rcu);
}

/* Who came here left a section by its branch for "no row" with the section's descriptor still announced. It may lie in
 * a plug-in that is unmapped before the kernel looks at it next. */
static void rseq_leave(void)
{
	mstat_store_relaxed(&rseq_self()->rseq_cs, 0);
}

/* The handle of nothing, or a process without any memory for a segment. */
static bool add_impossible(const struct mstat_handle *handle)
{
	return mstat_is_no_handle(handle) || !mstat_attach();
}

void mstat_row_add_u64(const struct mstat_handle *handle, uint64_t at, uint64_t n)
{
	struct mstat_rseq *rseq = rseq_ready();
	bool added = false;
	while (!added && rseq && row_current(rseq))
		added = mstat_rseq_add_u64_at(rseq, mstat_process.rows, &handle->offset, at, n);
	if (!added && !mstat_process.stale)
		shared_add_u64(handle, at, n);
	rseq_leave();
}

void mstat_row_add_f64(const struct mstat_handle *handle, uint64_t at, double n)
{
	struct mstat_rseq *rseq = rseq_ready();
	bool added = false;
	while (!added && rseq && row_current(rseq))
		added = mstat_rseq_add_f64_at(rseq, mstat_process.rows, &handle->offset, at, n);
	if (!added && !mstat_process.stale)
		shared_add_f64(handle, at, n);
	rseq_leave();
}

void mstat_add_slow(mstat_counter *counter, uint64_t n)
{
	int saved_errno = errno;
	if (!add_impossible(&counter->handle))
		mstat_row_add_u64(&counter->handle, 0, n);
	rseq_leave();
	errno = saved_errno;
}

void mstat_add_f64_slow(mstat_counter_f64 *counter, double n)
{
	int saved_errno = errno;
	if (!add_impossible(&counter->handle)) {
		if (n >= 0 && n <= __DBL_MAX__)
			mstat_row_add_f64(&counter->handle, 0, n);
		else
			mstat_refuse(MSTAT_REASON_NEGATIVE);
	}
	rseq_leave();
	errno = saved_errno;
}
