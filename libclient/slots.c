/* SPDX-License-Identifier: MIT */
/* Process slots: who of the tree is there, and whose gauges are whose.
 *
 * A process claims a slot when it attaches and holds the slot's lock byte through a mapping that children do not
 * inherit (MADV_DONTFORK): the byte is free as soon as the process is gone or has called exec, whatever became of its
 * pid. Where the file cannot be opened again (privileges dropped since, another root), pid, start time and pid
 * namespace must do.
 *
 * Slots are never released: a dead process' slot is taken over by the next that needs one, which first moves the values
 * that its families keep to gauge row 0.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "private.h"

static int segment_reopen(int flags)
{
	struct stat named;
	if (!mstat_root.exposed)
		return -1;
	int fd = open(mstat_root.path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -1;
	/* The name may lead to another segment by now: compare the identity that both hold. */
	uint8_t uuid[16];
	bool same = !fstat(fd, &named) && S_ISREG(named.st_mode) &&
		    pread(fd, uuid, sizeof(uuid), offsetof(struct mstat_shm_header, uuid)) == sizeof(uuid) &&
		    !__builtin_memcmp(uuid, mstat_header()->uuid, sizeof(uuid));
	if (!same) {
		close(fd);
		return -1;
	}
	return fd;
}

static struct flock slot_lock(uint32_t slot)
{
	return (struct flock){
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)MSTAT_SHM_LOCK_PROCESS + slot, .l_len = 1};
}

/* Holds the slot's byte for the life of this process; false where that is not possible. */
static bool slot_pin(uint32_t slot)
{
	struct flock lock = slot_lock(slot);
	size_t page = mstat_page_bytes();
	int fd = segment_reopen(O_RDWR);
	if (fd < 0)
		return false;
	bool pinned = false;
	void *pin = MAP_FAILED;
	if (!fcntl(fd, F_OFD_SETLK, &lock))
		pin = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0);
	if (pin != MAP_FAILED) {
		pinned = !madvise(pin, page, MADV_DONTFORK);
		if (!pinned)
			munmap(pin, page);
	}
	close(fd);
	return pinned;
}

static bool pid_alive(const struct mstat_shm_process *process)
{
	if (process->pid_ns != mstat_identity_pid_namespace())
		return true; /* cannot be asked from here */
	if (kill((pid_t)process->pid, 0) && errno == ESRCH)
		return false;
	uint64_t ticks = mstat_identity_start_ticks(process->pid);
	return !ticks || ticks == process->start_ticks;
}

bool mstat_slot_alive(uint32_t slot)
{
	const struct mstat_shm_process *process = mstat_process_slot(slot);
	if (process->flags & MSTAT_SHM_PROCESS_LOCKED) {
		struct flock lock = slot_lock(slot);
		int fd = segment_reopen(O_RDONLY);
		if (fd >= 0) {
			bool asked = !fcntl(fd, F_OFD_GETLK, &lock);
			close(fd);
			if (asked)
				return lock.l_type != F_UNLCK;
		}
	}
	return pid_alive(process);
}

static uint32_t slot_kind(uint32_t state)
{
	return state & MSTAT_SHM_PROCESS_MASK;
}

/* A dead process' slot becomes free: its kept values are saved first. */
static void slot_retire(uint32_t slot)
{
	struct mstat_shm_process *process = mstat_process_slot(slot);
	uint32_t generation = (process->state >> 2) + 1;
	mstat_gauges_retire(slot);
	/* release: pairs with the acquire of readers, who take the slot's values before and after */
	mstat_store_release(&process->state, generation << 2 | MSTAT_SHM_PROCESS_FREE);
}

static void slot_take(uint32_t slot)
{
	struct mstat_shm_process *process = mstat_process_slot(slot);
	uint32_t generation = (process->state >> 2) + 1;
	process->pid = (uint32_t)getpid();
	process->pid_ns = mstat_identity_pid_namespace();
	process->start_ticks = mstat_identity_start_ticks(0);
	process->claimed_ns = mstat_realtime_ns();
	process->flags = slot_pin(slot) ? MSTAT_SHM_PROCESS_LOCKED : 0;
	mstat_store_release(&process->state, generation << 2 | MSTAT_SHM_PROCESS_LIVE); /* as above */
	mstat_process.slot = slot + 1;
}

/* A free slot, or that of a dead process, or UINT32_MAX. The table's pages are populated as slots are used. */
static uint32_t slot_choose(void)
{
	const struct mstat_layout *layout = &mstat_root.layout;
	uint32_t choice = UINT32_MAX, used = 0;
	for (; used < layout->process_max; used++) {
		uint64_t at = layout->processes_off + used * sizeof(struct mstat_shm_process);
		if (at % mstat_page_bytes() == 0 && mstat_populate(at, sizeof(struct mstat_shm_process)))
			return choice;
		uint32_t state = mstat_load_relaxed(&mstat_process_slot(used)->state);
		if (slot_kind(state) == MSTAT_SHM_PROCESS_FREE)
			return used;
		if (slot_kind(state) == MSTAT_SHM_PROCESS_LIVE && !mstat_slot_alive(used)) {
			slot_retire(used);
			return used;
		}
	}
	return choice;
}

void mstat_slot_claim(void)
{
	uint32_t slot = slot_choose();
	if (slot == UINT32_MAX) {
		mstat_process.slot_refused = 1;
		mstat_refuse(MSTAT_REASON_PROCESS_LIMIT);
	} else {
		slot_take(slot);
	}
}

bool mstat_slot_is_only(void)
{
	for (uint32_t slot = 0; slot < mstat_root.layout.process_max; slot++) {
		uint32_t state = mstat_load_relaxed(&mstat_process_slot(slot)->state);
		if (state == 0)
			break; /* slots are used in order: nobody was ever behind this one */
		if (slot_kind(state) == MSTAT_SHM_PROCESS_LIVE && slot + 1 != mstat_process.slot)
			return false;
	}
	return mstat_process.slot != 0;
}

void mstat_slots_retire_all(void)
{
	for (uint32_t slot = 0; slot < mstat_root.layout.process_max; slot++) {
		uint32_t state = mstat_process_slot(slot)->state;
		if (state == 0)
			break;
		if (slot_kind(state) == MSTAT_SHM_PROCESS_LIVE)
			slot_retire(slot);
	}
}
