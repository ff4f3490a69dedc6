/* SPDX-License-Identifier: MIT */
/* The stream process: reads the events of all workers from the pipe and gives them to the stream processor.
 *
 * It is not part of the ledger: what it loses when it is killed (the events in its queues) is lost, and what it counts
 * is its own work. */
#ifndef DEMO_STREAM_PROCESS_H
#define DEMO_STREAM_PROCESS_H

/* Runs until SIGTERM (which must be blocked) and returns the process' exit code. Runs in a process of its own. */
int stream_process_run(int event_fd);

#endif
