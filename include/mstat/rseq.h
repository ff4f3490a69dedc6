/* SPDX-License-Identifier: MIT */
/* Restartable sequences: an add to a cell of the current CPU's row that the kernel restarts if the thread was
 * preempted, migrated or signalled inside it. Hence a plain `add` by any number of threads and processes is exact.
 *
 * Source of the protocol: rseq(2) and the kernel's include/uapi/linux/rseq.h. A section is described by a 32-byte
 * descriptor {version, flags, start, length, abort address}; its address is stored in the thread's struct rseq before
 * the section begins. The abort address is preceded by the signature that was given at registration.
 *
 * Each function tries once and returns 1 when the add was committed, 0 when it was not made at all (preempted in the
 * middle, no row for this CPU yet, or a thread without rseq): the caller then goes to the slow path. They may be called
 * by any thread, in signal handlers and after fork.
 *
 * Everything is read inside the section:
 *  - the CPU's number, so that no comparison is needed: whoever is moved to another CPU is aborted. A thread without
 *    rseq has -1 or -2 there; rows[-1] and rows[-2] are always zero, "no row";
 *  - the offset, so that a series can be removed exactly: after a rseq fence (membarrier) no thread can still commit to
 *    an offset that it read before.
 *
 * There is no "memory" clobber on purpose: nothing that the compiler sees reads what is written here, and an update
 * promises no order to other memory. Without it, what does not change stays in registers through a loop.
 */
#ifndef MSTAT_RSEQ_H
#define MSTAT_RSEQ_H

#include <stdint.h>

#include <mstat/atomic.h>

/* The part of the kernel's struct rseq that is used here, at its fixed offsets:
 *    0: cpu_id_start  u32   always a valid CPU number
 *    4: cpu_id        u32   the same once registered; -1 unregistered, -2 registration refused
 *    8: rseq_cs       u64   descriptor of the section that is being run
 *   16: flags         u32
 */
struct mstat_rseq {
	uint32_t cpu_id_start;
	uint32_t cpu_id;
	uint64_t rseq_cs;
	uint32_t flags;
	uint32_t padding[3];
} __attribute__((aligned(32)));

/* Code that dlclose() can unmap must not leave its descriptor behind: the kernel reads it at the next preemption. Code
 * of an executable stays, and is spared the store. */
#if defined(__PIC__) && !defined(__PIE__)
#define MSTAT_RSEQ_LEAVE 1
#else
#define MSTAT_RSEQ_LEAVE 0
#endif

#if defined(__x86_64__) && defined(__LP64__)
#define MSTAT_HAVE_RSEQ 1

#if MSTAT_RSEQ_LEAVE
#define MSTAT_RSEQ_X86_LEAVE "\tmovq $0, %[cs]\n"
#else
#define MSTAT_RSEQ_X86_LEAVE ""
#endif

/* ud1 with the signature as its displacement: the bytes in front of the abort address are an instruction that traps. */
#define MSTAT_RSEQ_SIGNATURE 0x53053053u
/* Leaves the row in rax and the offset in rcx. */
#define MSTAT_RSEQ_X86_ENTER                                                                                           \
	".pushsection __rseq_cs, \"aw\"\n\t.balign 32\n"                                                               \
	"3:\t.long 0, 0\n\t.quad 1f, 2f - 1f, 4f\n\t.popsection\n"                                                     \
	"\tleaq 3b(%%rip), %%rax\n\tmovq %%rax, %[cs]\n"                                                               \
	"1:\tmovslq %[cpu_id], %%rax\n\tmovl %[offset], %%ecx\n"                                                       \
	"\tmovq (%[rows], %%rax, 8), %%rax\n\ttestq %%rax, %%rax\n\tjz %l[aborted]\n"
#define MSTAT_RSEQ_X86_EXIT                                                                                            \
	"2:\n" MSTAT_RSEQ_X86_LEAVE ".pushsection __rseq_failure, \"ax\"\n\t.byte 0x0f, 0xb9, 0x3d\n"                  \
	"\t.long 0x53053053\n4:\tjmp %l[aborted]\n\t.popsection\n"
#define MSTAT_RSEQ_INPUTS [cs] "m"(rseq->rseq_cs), [cpu_id] "m"(rseq->cpu_id), [rows] "r"(rows), [offset] "m"(*offset)

MSTAT_HELPER int mstat_rseq_add_u64(struct mstat_rseq *rseq, char *const *rows, const uint32_t *offset, uint64_t n)
{
	__asm__ goto(MSTAT_RSEQ_X86_ENTER "\taddq %[n], (%%rcx, %%rax)\n" MSTAT_RSEQ_X86_EXIT
		     :
		     : MSTAT_RSEQ_INPUTS, [n] "er"(n)
		     : "cc", "rax", "rcx"
		     : aborted);
	return 1;
aborted:
	return 0;
}

MSTAT_HELPER int mstat_rseq_add_f64(struct mstat_rseq *rseq, char *const *rows, const uint32_t *offset, double n)
{
	__asm__ goto(MSTAT_RSEQ_X86_ENTER "\tmovsd (%%rcx, %%rax), %%xmm15\n\taddsd %[n], %%xmm15\n"
					  "\tmovsd %%xmm15, (%%rcx, %%rax)\n" MSTAT_RSEQ_X86_EXIT
		     :
		     : MSTAT_RSEQ_INPUTS, [n] "x"(n)
		     : "cc", "rax", "rcx", "xmm15"
		     : aborted);
	return 1;
aborted:
	return 0;
}

/* The same for the cell `at` bytes behind; for the slow path. */
MSTAT_HELPER int mstat_rseq_add_u64_at(struct mstat_rseq *rseq, char *const *rows, const uint32_t *offset, uint64_t at,
				       uint64_t n)
{
	__asm__ goto(MSTAT_RSEQ_X86_ENTER "\taddq %[at], %%rcx\n\taddq %[n], (%%rcx, %%rax)\n" MSTAT_RSEQ_X86_EXIT
		     :
		     : MSTAT_RSEQ_INPUTS, [n] "r"(n), [at] "r"(at)
		     : "cc", "rax", "rcx"
		     : aborted);
	return 1;
aborted:
	return 0;
}

MSTAT_HELPER int mstat_rseq_add_f64_at(struct mstat_rseq *rseq, char *const *rows, const uint32_t *offset, uint64_t at,
				       double n)
{
	__asm__ goto(MSTAT_RSEQ_X86_ENTER "\taddq %[at], %%rcx\n\tmovsd (%%rcx, %%rax), %%xmm15\n"
					  "\taddsd %[n], %%xmm15\n\tmovsd %%xmm15, (%%rcx, %%rax)\n" MSTAT_RSEQ_X86_EXIT
		     :
		     : MSTAT_RSEQ_INPUTS, [n] "x"(n), [at] "r"(at)
		     : "cc", "rax", "rcx", "xmm15"
		     : aborted);
	return 1;
aborted:
	return 0;
}

/* An observation: 1 added to a bucket and n to a sum, in one section. Returns 2 when both were, 1 when only the bucket
 * was, 0 when nothing was.
 *
 * Two stores cannot both be the last instruction of a section. What happened is read from the registers at the abort,
 * which the kernel leaves as they are: rcx is 0 until the row is known to exist, the comparison that finds it leaves
 * the carry flag set (0 < row), moves and lea keep it, and adding 1 to the bucket clears it. */
#define MSTAT_RSEQ_X86_OBSERVE                                                                                         \
	".pushsection __rseq_cs, \"aw\"\n\t.balign 32\n"                                                               \
	"3:\t.long 0, 0\n\t.quad 1f, 2f - 1f, 4f\n\t.popsection\n"                                                     \
	"\tleaq 3b(%%rip), %%rax\n\txorl %%ecx, %%ecx\n\tmovq %%rax, %[cs]\n"                                          \
	"1:\tmovslq %[cpu_id], %%rax\n\tmovq (%[rows], %%rax, 8), %%rax\n\tcmpq %%rax, %%rcx\n\tje %l[aborted]\n"      \
	"\tmovl %[offset], %%ecx\n\tleaq (%%rax, %%rcx), %%rax\n"
#define MSTAT_RSEQ_X86_OBSERVED                                                                                        \
	"2:\n" MSTAT_RSEQ_X86_LEAVE ".pushsection __rseq_failure, \"ax\"\n\t.byte 0x0f, 0xb9, 0x3d\n"                  \
	"\t.long 0x53053053\n4:\tjrcxz 5f\n\tjnc %l[halfway]\n5:\tjmp %l[aborted]\n\t.popsection\n"

/* The sum at *offset, the buckets behind it. */
MSTAT_HELPER int mstat_rseq_observe_u64(struct mstat_rseq *rseq, char *const *rows, const uint32_t *offset,
					uint64_t bucket, uint64_t n)
{
	__asm__ goto(MSTAT_RSEQ_X86_OBSERVE
		     "\taddq $1, 8(%%rax, %[bucket], 8)\n\taddq %[n], (%%rax)\n" MSTAT_RSEQ_X86_OBSERVED
		     :
		     : MSTAT_RSEQ_INPUTS, [n] "r"(n), [bucket] "r"(bucket)
		     : "cc", "rax", "rcx"
		     : aborted, halfway);
	return 2;
halfway:
	return 1;
aborted:
	return 0;
}

/* Four sums at *offset, the buckets behind them. The sum is chosen by the bucket: additions of doubles to one cell must
 * wait for each other, 12 cycles each. */
MSTAT_HELPER int mstat_rseq_observe_f64(struct mstat_rseq *rseq, char *const *rows, const uint32_t *offset,
					uint64_t bucket, double n)
{
	__asm__ goto(MSTAT_RSEQ_X86_OBSERVE "\taddq $1, 32(%%rax, %[bucket], 8)\n"
					    "\tmovsd (%%rax, %[sum], 8), %%xmm15\n\taddsd %[n], %%xmm15\n"
					    "\tmovsd %%xmm15, (%%rax, %[sum], 8)\n" MSTAT_RSEQ_X86_OBSERVED
		     :
		     : MSTAT_RSEQ_INPUTS, [n] "x"(n), [bucket] "r"(bucket), [sum] "r"(bucket & 3)
		     : "cc", "rax", "rcx", "xmm15"
		     : aborted, halfway);
	return 2;
halfway:
	return 1;
aborted:
	return 0;
}

#elif defined(__aarch64__)
#define MSTAT_HAVE_RSEQ 1

#if MSTAT_RSEQ_LEAVE
#define MSTAT_RSEQ_A64_LEAVE "\tstr xzr, %[cs]\n"
#else
#define MSTAT_RSEQ_A64_LEAVE ""
#endif

#define MSTAT_RSEQ_SIGNATURE 0xd428bc00u /* brk #0x45e0 */
/* Leaves the row in x14 and the offset in x15. */
#define MSTAT_RSEQ_A64_ENTER                                                                                           \
	".pushsection __rseq_cs, \"aw\"\n\t.balign 32\n"                                                               \
	"3:\t.long 0, 0\n\t.quad 1f, (2f - 1f), 4f\n\t.popsection\n"                                                   \
	"\tadrp x15, 3b\n\tadd x15, x15, :lo12:3b\n\tstr x15, %[cs]\n"                                                 \
	"1:\tldrsw x15, %[cpu_id]\n\tldr x14, [%[rows], x15, lsl #3]\n"                                                \
	"\tcbz x14, %l[aborted]\n\tldr w15, %[offset]\n"
#define MSTAT_RSEQ_A64_EXIT "2:\n" MSTAT_RSEQ_A64_LEAVE "\tb 5f\n\t.inst 0xd428bc00\n4:\tb %l[aborted]\n5:\n"
#define MSTAT_RSEQ_INPUTS [cs] "m"(rseq->rseq_cs), [cpu_id] "m"(rseq->cpu_id), [rows] "r"(rows), [offset] "m"(*offset)

MSTAT_HELPER int mstat_rseq_add_u64(struct mstat_rseq *rseq, char *const *rows, const uint32_t *offset, uint64_t n)
{
	__asm__ goto(MSTAT_RSEQ_A64_ENTER "\tadd x14, x14, x15\n\tldr x15, [x14]\n\tadd x15, x15, %[n]\n"
					  "\tstr x15, [x14]\n" MSTAT_RSEQ_A64_EXIT
		     :
		     : MSTAT_RSEQ_INPUTS, [n] "r"(n)
		     : "cc", "x14", "x15"
		     : aborted);
	return 1;
aborted:
	return 0;
}

MSTAT_HELPER int mstat_rseq_add_f64(struct mstat_rseq *rseq, char *const *rows, const uint32_t *offset, double n)
{
	__asm__ goto(MSTAT_RSEQ_A64_ENTER "\tldr d31, [x14, x15]\n\tfadd d31, d31, %d[n]\n"
					  "\tstr d31, [x14, x15]\n" MSTAT_RSEQ_A64_EXIT
		     :
		     : MSTAT_RSEQ_INPUTS, [n] "w"(n)
		     : "cc", "x14", "x15", "v31"
		     : aborted);
	return 1;
aborted:
	return 0;
}

/* No flag of this machine tells how far a section came: two sections. The displacement is added inside, since the
 * offset is read there. */
#define MSTAT_RSEQ_A64_AT "\tadd x14, x14, x15\n\tadd x14, x14, %[at]\n"
MSTAT_HELPER int mstat_rseq_add_u64_at(struct mstat_rseq *rseq, char *const *rows, const uint32_t *offset, uint64_t at,
				       uint64_t n)
{
	__asm__ goto(MSTAT_RSEQ_A64_ENTER MSTAT_RSEQ_A64_AT "\tldr x15, [x14]\n\tadd x15, x15, %[n]\n"
							    "\tstr x15, [x14]\n" MSTAT_RSEQ_A64_EXIT
		     :
		     : MSTAT_RSEQ_INPUTS, [n] "r"(n), [at] "r"(at)
		     : "cc", "x14", "x15"
		     : aborted);
	return 1;
aborted:
	return 0;
}

MSTAT_HELPER int mstat_rseq_add_f64_at(struct mstat_rseq *rseq, char *const *rows, const uint32_t *offset, uint64_t at,
				       double n)
{
	__asm__ goto(MSTAT_RSEQ_A64_ENTER MSTAT_RSEQ_A64_AT "\tldr d31, [x14]\n\tfadd d31, d31, %d[n]\n"
							    "\tstr d31, [x14]\n" MSTAT_RSEQ_A64_EXIT
		     :
		     : MSTAT_RSEQ_INPUTS, [n] "w"(n), [at] "r"(at)
		     : "cc", "x14", "x15", "v31"
		     : aborted);
	return 1;
aborted:
	return 0;
}

MSTAT_HELPER int mstat_rseq_observe_u64(struct mstat_rseq *rseq, char *const *rows, const uint32_t *offset,
					uint64_t bucket, uint64_t n)
{
	if (!mstat_rseq_add_u64_at(rseq, rows, offset, 8 + bucket * 8, 1))
		return 0;
	return 1 + mstat_rseq_add_u64(rseq, rows, offset, n);
}

MSTAT_HELPER int mstat_rseq_observe_f64(struct mstat_rseq *rseq, char *const *rows, const uint32_t *offset,
					uint64_t bucket, double n)
{
	if (!mstat_rseq_add_u64_at(rseq, rows, offset, 32 + bucket * 8, 1))
		return 0;
	return 1 + mstat_rseq_add_f64_at(rseq, rows, offset, (bucket & 3) * 8, n);
}

#else
#define MSTAT_HAVE_RSEQ 0

MSTAT_HELPER int mstat_rseq_add_u64(struct mstat_rseq *rseq, char *const *rows, const uint32_t *offset, uint64_t n)
{
	(void)rseq, (void)rows, (void)offset, (void)n;
	return 0;
}

MSTAT_HELPER int mstat_rseq_add_f64(struct mstat_rseq *rseq, char *const *rows, const uint32_t *offset, double n)
{
	(void)rseq, (void)rows, (void)offset, (void)n;
	return 0;
}

MSTAT_HELPER int mstat_rseq_observe_u64(struct mstat_rseq *rseq, char *const *rows, const uint32_t *offset,
					uint64_t bucket, uint64_t n)
{
	(void)rseq, (void)rows, (void)offset, (void)bucket, (void)n;
	return 0;
}

MSTAT_HELPER int mstat_rseq_observe_f64(struct mstat_rseq *rseq, char *const *rows, const uint32_t *offset,
					uint64_t bucket, double n)
{
	(void)rseq, (void)rows, (void)offset, (void)bucket, (void)n;
	return 0;
}

MSTAT_HELPER int mstat_rseq_add_u64_at(struct mstat_rseq *rseq, char *const *rows, const uint32_t *offset, uint64_t at,
				       uint64_t n)
{
	(void)rseq, (void)rows, (void)offset, (void)at, (void)n;
	return 0;
}

MSTAT_HELPER int mstat_rseq_add_f64_at(struct mstat_rseq *rseq, char *const *rows, const uint32_t *offset, uint64_t at,
				       double n)
{
	(void)rseq, (void)rows, (void)offset, (void)at, (void)n;
	return 0;
}

#endif
#endif
