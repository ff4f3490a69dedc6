/* SPDX-License-Identifier: MIT */
/* The agent: owns the parts, starts them, turns the loop, reloads, stops. */
#ifndef AGENTD_AGENT_H
#define AGENTD_AGENT_H

#include "config.h"

struct agent;

/* Blocks the signals that the agent waits for and ignores SIGPIPE. To be called before any thread starts. */
void agent_prepare_signals(void);

/* Builds the parts, collects once and listens. Takes `config` over, also on failure; argv is kept for reloads. 0, or
 * -errno with a malloc'ed message in *error: -EBUSY means that another agent owns a directory. */
int agent_open(struct config *config, int argc, char *const argv[], struct agent **agent, char **error);

/* Serves until SIGTERM or SIGINT (also one that came since agent_open() began); 0 or -errno (-EBUSY: another
 * agent owns a directory that appeared). Main thread only. From the
 * signal on, the process ends within 5 s: by _exit(1) if agent_close() has not come to its end by then. */
int agent_run(struct agent *agent);

/* Stops listening, waits for requests under way, frees everything. NULL is fine. */
void agent_close(struct agent *agent);

#endif
