/* SPDX-License-Identifier: MIT */
/* Scratch directories on a tmpfs, where segments of a benchmark live; gone when the program ends. */
#ifndef BENCH_SCRATCH_H
#define BENCH_SCRATCH_H

/* Makes a directory of mode 0700 on /dev/shm and returns its path, which is valid until the program ends. */
const char *scratch_directory(void);

/* Removes all files in a directory of ours, but not the directory. Returns how many there were. */
unsigned scratch_clear(const char *path);

/* Opens this process' segment in `directory` with room for `series_max` series (also of one family), as service
 * "bench"; ends the program if readers would not see it. */
void scratch_segment_open(const char *directory, unsigned series_max);

/* Ends the program if the library refused anything so far: figures of overflow series would mean nothing. */
void scratch_segment_check(void);

#endif
