/* SPDX-License-Identifier: MIT */
/* Processes: their beginning, their programs, their end. */
#ifndef AGENTD_COLLECT_BPF_PROCESS_LIFE_H
#define AGENTD_COLLECT_BPF_PROCESS_LIFE_H

/* Words of the array "events". */
enum process_life_word {
	PROCESS_FORKS,
	PROCESS_THREADS, /* forks of threads */
	PROCESS_EXECS,
	PROCESS_SUCCESSES, /* exits with status 0 */
	PROCESS_ERRORS,    /* with another one */
	PROCESS_SIGNALS,   /* ends by a signal */
	PROCESS_LIFE_WORDS
};

/* Array "signals": number / 8 is the key and number % 8 the word. */
#define PROCESS_SIGNAL_KEYS 9

#endif
