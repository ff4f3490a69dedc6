/* SPDX-License-Identifier: MIT */
/* Atomic accesses whose verb names the memory order.
 *
 * Everything shared between threads or processes goes through these verbs, so that a reader of the code sees the cost
 * and the promise of an access where it is made. A release or an acquire carries one line at its place of use that
 * says what it pairs with. There is no sequentially consistent verb: nothing here needs one.
 *
 * They are the compiler's __atomic builtins, which work on plain objects, in C and in C++, and which TSan understands.
 */
#ifndef MSTAT_ATOMIC_H
#define MSTAT_ATOMIC_H

/* A helper of the inlined hot path: always inlined, never emitted, allowed inside functions with external linkage. */
#define MSTAT_HELPER extern inline __attribute__((__gnu_inline__, __always_inline__))

#define mstat_load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define mstat_load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define mstat_store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define mstat_store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define mstat_add_relaxed(p, v) __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
#define mstat_sub_release(p, v) __atomic_fetch_sub((p), (v), __ATOMIC_RELEASE)
#define mstat_or_relaxed(p, v) __atomic_fetch_or((p), (v), __ATOMIC_RELAXED)
#define mstat_exchange_acquire(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQUIRE)
#define mstat_exchange_release(p, v) __atomic_exchange_n((p), (v), __ATOMIC_RELEASE)
/* `expected` is a pointer; it receives the value found when the exchange does not happen. */
#define mstat_cas_relaxed(p, expected, v)                                                                              \
	__atomic_compare_exchange_n((p), (expected), (v), 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)
#define mstat_cas_acquire(p, expected, v)                                                                              \
	__atomic_compare_exchange_n((p), (expected), (v), 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)
#define mstat_fence_acquire() __atomic_thread_fence(__ATOMIC_ACQUIRE)

#endif
