/* SPDX-License-Identifier: MIT */
/* Operations of the ext4 file system that have a beginning and an end. */
#ifndef AGENTD_COLLECT_BPF_EXT4_H
#define AGENTD_COLLECT_BPF_EXT4_H

enum ext4_operation { EXT4_SYNC, EXT4_UNLINK, EXT4_TRUNCATE, EXT4_FALLOCATE, EXT4_OPERATIONS };

#endif
