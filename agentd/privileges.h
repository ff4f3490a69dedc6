/* SPDX-License-Identifier: MIT */
/* Privileges: what the agent may do beyond an ordinary user, and how it gives that up for good.
 *
 * The agent opens what needs capabilities first (eBPF programs), then drops them, before it reads the first byte of a
 * segment or of a request. capabilities.def names what collectors have of those that are kept on demand.
 */
#ifndef AGENTD_PRIVILEGES_H
#define AGENTD_PRIVILEGES_H

#include <stddef.h>
#include <stdint.h>

/* The set of capabilities (bit N: capability N) that a list of names means; "CAP_" and case do not matter,
 * "none" is none. 0, or
 * -EINVAL with the first unknown name in *bad. */
int privileges_parse(char *const *names, size_t count, uint64_t *set, const char **bad);

/* Leaves the calling thread, and those that it starts, with those capabilities of `keep` that it has, none that a
 * program run by it could get, and no_new_privs. To be called before other threads exist: capabilities belong to
 * threads. 0 or -errno. */
int privileges_drop(uint64_t keep);

/* The capabilities in effect in the calling thread. */
uint64_t privileges_now(void);

/* The names of a set, separated by blanks, cut to size - 1 bytes. */
void privileges_print(uint64_t set, char *out, size_t size);

#endif
