/* SPDX-License-Identifier: MIT */
/* The agent's own memory: how it is allocated, and what is given back after the start. */
#ifndef AGENTD_MEMORY_H
#define AGENTD_MEMORY_H

/* Lets go of the pages of programs and libraries that are mapped from files and cannot be written. What is needed again
 * is mapped again, from the page cache, when it is touched: some 0.5 us for each 64 KiB. Libraries that are linked for
 * a seldom feature (TLS and what it needs) initialise themselves at the start and would stay resident for ever: some 3
 * MB. To be called once the agent serves. Any thread. */
void memory_release_text(void);

#endif
