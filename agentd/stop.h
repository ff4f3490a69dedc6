/* SPDX-License-Identifier: MIT */
/* Stopping in time: SIGTERM and SIGINT as an event, with a deadline that holds even if the loop hangs. */
#ifndef AGENTD_STOP_H
#define AGENTD_STOP_H

#define STOP_DEADLINE_S 5

/* Installs the handlers and lets the two signals through, in the calling thread and those that it starts. *fd becomes
 * readable at the first of them, and from then on the process has STOP_DEADLINE_S seconds until _exit(1). 0 or -errno.
 * A later call gives the same descriptor, which stays open to the end of the process. */
int stop_open(int *fd);

#endif
