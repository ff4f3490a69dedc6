/* SPDX-License-Identifier: MIT */
/* Refusals: counted where readers see them, and told to whoever asks. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "private.h"

/* Before there is a segment, and when there is no memory for one. */
static uint64_t early_drops[MSTAT_SHM_REASON_MAX];

#define MSTAT_REASON(number, name, label, text) _Static_assert(number < MSTAT_SHM_REASON_MAX, "segment format");
#include <mstat/reasons.def>
#undef MSTAT_REASON

static uint64_t *drops_array(void)
{
	return mstat_root_ready() ? mstat_header()->drops : early_drops;
}

void mstat_refuse(int reason)
{
	mstat_add_relaxed(&drops_array()[reason], 1);
	mstat_store_relaxed(&mstat_process.last_reason, reason);
}

void mstat_root_fail(int reason, int error)
{
	if (!mstat_root.reason) {
		mstat_root.reason = reason;
		mstat_root.error = error;
	}
	mstat_refuse(reason);
}

int mstat_reason_of_errno(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return MSTAT_REASON_NO_SPACE;
	case ENOMEM:
		return MSTAT_REASON_NO_MEMORY;
	case EMFILE:
	case ENFILE:
		return MSTAT_REASON_TOO_MANY_FILES;
	case EACCES:
	case EPERM:
	case EROFS:
		return MSTAT_REASON_PERMISSION;
	default:
		return MSTAT_REASON_SYSTEM;
	}
}

void mstat_status(struct mstat_status *status)
{
	memset(status, 0, sizeof(*status));
	status->reason = mstat_root.reason;
	status->error = mstat_root.error;
	status->last_reason = mstat_load_relaxed(&mstat_process.last_reason);
	if (mstat_root_ready() && mstat_root.exposed) {
		status->exposed = !mstat_process.stale;
		strncpy(status->path, mstat_root.path, sizeof(status->path) - 1);
	}
}

uint64_t mstat_drops(int reason)
{
	if (reason < 0 || (uint32_t)reason >= MSTAT_SHM_REASON_MAX)
		return 0;
	uint64_t drops = mstat_load_relaxed(&early_drops[reason]);
	if (mstat_root_ready())
		drops += mstat_load_relaxed(&mstat_header()->drops[reason]);
	return drops;
}

const char *mstat_reason_text(int reason)
{
	static const char *const texts[] = {
#define MSTAT_REASON(number, name, label, text) [number] = text,
#include <mstat/reasons.def>
#undef MSTAT_REASON
	};
	if (reason < 0 || (size_t)reason >= sizeof(texts) / sizeof(*texts) || !texts[reason])
		return "unknown reason";
	return texts[reason];
}

const char *mstat_version(void)
{
	return MSTAT_VERSION;
}
