/* SPDX-License-Identifier: MIT */
/* What the service manager is told. */
#include "notify.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>
#include <time.h>

/* A newline would begin another assignment. */
static int status_len(const char *status)
{
	int len = 0;
	while (status[len] && status[len] != '\n')
		len++;
	return len;
}

void notify_ready(const char *status)
{
	sd_notifyf(0, "READY=1\nSTATUS=%.*s", status_len(status), status);
}

void notify_status(const char *status)
{
	sd_notifyf(0, "STATUS=%.*s", status_len(status), status);
}

void notify_reloading(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=Reloading.",
		   (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}

void notify_stopping(void)
{
	sd_notify(0, "STOPPING=1\nSTATUS=Stopping.");
}

void notify_alive(void)
{
	sd_notify(0, "WATCHDOG=1");
}

uint64_t notify_alive_interval_us(void)
{
	uint64_t interval_us = 0;
	return sd_watchdog_enabled(0, &interval_us) > 0 ? interval_us : 0;
}
