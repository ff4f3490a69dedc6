/* SPDX-License-Identifier: MIT */
/* Counts of NFS procedures. */
#include "host_rpc.h"

static const char *const methods_2[] = {"Null", "GetAttr", "SetAttr", "Root",   "Lookup",  "ReadLink",
					"Read", "WrCache", "Write",   "Create", "Remove",  "Rename",
					"Link", "SymLink", "MkDir",   "RmDir",  "ReadDir", "FsStat"};
static const char *const methods_3[] = {"Null",   "GetAttr", "SetAttr",  "Lookup", "Access",  "ReadLink",
					"Read",   "Write",   "Create",   "MkDir",  "SymLink", "MkNod",
					"Remove", "RmDir",   "Rename",   "Link",   "ReadDir", "ReadDirPlus",
					"FsStat", "FsInfo",  "PathConf", "Commit"};

const struct rpc_version rpc_version_2 = {"proc2", "2", methods_2, HOST_COUNT_OF(methods_2)};
const struct rpc_version rpc_version_3 = {"proc3", "3", methods_3, HOST_COUNT_OF(methods_3)};

void rpc_numbers_read(struct text *line, uint64_t *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!text_u64(line, &numbers[i]))
			numbers[i] = 0;
}

void rpc_version_sample(struct host *host, const struct host_family *family, const struct rpc_version *version,
			size_t first, struct text *line)
{
	uint64_t value;
	if (!text_u64(line, &value)) { /* how many follow */
		host_skip(host);
		return;
	}
	for (size_t i = 0; i < version->method_count; i++) {
		if (!text_u64(line, &value))
			value = 0;
		if (i >= first && version->methods[i])
			host_u64(host, family, value, version->proto, version->methods[i]);
	}
}
