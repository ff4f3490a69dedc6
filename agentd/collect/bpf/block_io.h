/* SPDX-License-Identifier: MIT */
/* Block I/O by device and operation. */
#ifndef AGENTD_COLLECT_BPF_BLOCK_IO_H
#define AGENTD_COLLECT_BPF_BLOCK_IO_H

#define BLOCK_IO_SLOTS 64
#define BLOCK_IO_IN_FLIGHT 8192

/* A key is these numbers of the device and the operation. */
#define BLOCK_IO_KEY(device_major, device_minor, operation)                                                            \
	((__u64)(device_major) << 40 | (__u64)(device_minor) << 8 | ((operation)&0xff))
#define BLOCK_IO_OPERATION(key) ((unsigned)((key)&0xff))

/* Words of the array "errors". */
enum block_io_word { BLOCK_IO_ERRORS, BLOCK_IO_WORDS };

#endif
