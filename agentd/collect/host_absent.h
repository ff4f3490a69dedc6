/* SPDX-License-Identifier: MIT */
/* Sources that this machine does not have are looked for seldom: of node_exporter's default collectors a usual machine
 * has something to tell to two in three, and asking in vain (and waking a thread for it) would be a good part of what a
 * scrape costs. What comes later - a module, a device - is seen ABSENT_EVERY collections later at the latest. */
#ifndef AGENTD_COLLECT_HOST_ABSENT_H
#define AGENTD_COLLECT_HOST_ABSENT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#define ABSENT_EVERY 16u
/* A source that was there may be missing so often before it counts as absent: devices are replaced, modules reloaded.
 */
#define ABSENT_AFTER 4u

struct absence {
	bool absent;
	bool seen;
	unsigned missing;  /* collections in a row that found nothing */
	unsigned requests; /* since it was last looked for */
};

/* How a collection ended: `told` is anything but 0 if it gave samples. */
static inline void absence_note(struct absence *absence, int error, size_t told)
{
	const bool nothing = !told && (!error || error == -ENOENT || error == -ENODATA);
	absence->seen |= told != 0;
	absence->missing = nothing ? absence->missing + 1 : 0;
	absence->absent = absence->missing >= (absence->seen ? ABSENT_AFTER : 1);
}

/* Whether to collect now. */
static inline bool absence_look_due(struct absence *absence)
{
	if (!absence->absent || ++absence->requests >= ABSENT_EVERY)
		absence->requests = 0;
	return !absence->absent || !absence->requests;
}

#endif
