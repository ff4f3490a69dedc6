/* SPDX-License-Identifier: MIT */
/* What the service manager is told: readiness, status, reloads, the stop, and that the agent is alive (sd_notify).
 *
 * Without a service manager ($NOTIFY_SOCKET) every call does nothing and costs a getenv(). A message that cannot be
 * delivered is not an error of the agent. Thread-safe.
 */
#ifndef AGENTD_NOTIFY_H
#define AGENTD_NOTIFY_H

#include <stdint.h>

/* The agent serves, for the first time or again after a reload; `status` is what `systemctl status` shows. */
void notify_ready(const char *status);

void notify_status(const char *status);

/* A reload begins (with the time that Type=notify-reload asks for); notify_ready() ends it. */
void notify_reloading(void);

void notify_stopping(void);

/* A sign of life. */
void notify_alive(void);

/* How often a sign of life is expected, in microseconds; 0: not at all. */
uint64_t notify_alive_interval_us(void);

#endif
