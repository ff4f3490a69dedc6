/* SPDX-License-Identifier: MIT */
/* The NFS client: /proc/net/rpc/nfs. */
#include <string.h>

#include "host_rpc.h"

static const struct host_family packets_family = HOST_COUNTER(
	"node_nfs_packets_total", "Total NFSd network packets (sent+received) by protocol type.", "protocol");
static const struct host_family connections_family =
	HOST_COUNTER("node_nfs_connections_total", "Total number of NFSd TCP connections.");
static const struct host_family rpcs_family = HOST_COUNTER("node_nfs_rpcs_total", "Total number of RPCs performed.");
static const struct host_family retransmissions_family =
	HOST_COUNTER("node_nfs_rpc_retransmissions_total", "Number of RPC transmissions performed.");
static const struct host_family refreshes_family = HOST_COUNTER("node_nfs_rpc_authentication_refreshes_total",
								"Number of RPC authentication refreshes performed.");
static const struct host_family requests_family =
	HOST_COUNTER("node_nfs_requests_total", "Number of NFS procedures invoked.", "proto", "method");

static const char *const methods_4[] = {"Null",
					"Read",
					"Write",
					"Commit",
					"Open",
					"OpenConfirm",
					"OpenNoattr",
					"OpenDowngrade",
					"Close",
					"Setattr",
					"FsInfo",
					"Renew",
					"SetClientID",
					"SetClientIDConfirm",
					"Lock",
					"Lockt",
					"Locku",
					"Access",
					"Getattr",
					"Lookup",
					"LookupRoot",
					"Remove",
					"Rename",
					"Link",
					"Symlink",
					"Create",
					"Pathconf",
					"StatFs",
					"ReadLink",
					"ReadDir",
					"ServerCaps",
					"DelegReturn",
					"GetACL",
					"SetACL",
					"FsLocations",
					"ReleaseLockowner",
					"Secinfo",
					"FsidPresent",
					"ExchangeID",
					"CreateSession",
					"DestroySession",
					"Sequence",
					"GetLeaseTime",
					"ReclaimComplete",
					"LayoutGet",
					"GetDeviceInfo",
					"LayoutCommit",
					"LayoutReturn",
					"SecinfoNoName",
					"TestStateID",
					"FreeStateID",
					"GetDeviceList",
					"BindConnToSession",
					"DestroyClientID",
					"Seek",
					"Allocate",
					"DeAllocate",
					"LayoutStats",
					"Clone"};
static const struct rpc_version version_4 = {"proc4", "4", methods_4, HOST_COUNT_OF(methods_4)};
static const struct rpc_version *const versions[] = {&rpc_version_2, &rpc_version_3, &version_4};

static void net_sample(struct host *host, struct text *line)
{
	uint64_t numbers[4]; /* of all, by UDP, by TCP, connections */
	rpc_numbers_read(line, numbers, HOST_COUNT_OF(numbers));
	host_u64(host, &packets_family, numbers[1], "udp");
	host_u64(host, &packets_family, numbers[2], "tcp");
	host_u64(host, &connections_family, numbers[3]);
}

static void rpc_sample(struct host *host, struct text *line)
{
	uint64_t numbers[3];
	rpc_numbers_read(line, numbers, HOST_COUNT_OF(numbers));
	host_u64(host, &rpcs_family, numbers[0]);
	host_u64(host, &retransmissions_family, numbers[1]);
	host_u64(host, &refreshes_family, numbers[2]);
}

static void line_sample(struct host *host, const char *key, struct text *line)
{
	if (!strcmp(key, "net"))
		net_sample(host, line);
	else if (!strcmp(key, "rpc"))
		rpc_sample(host, line);
	for (size_t i = 0; i < HOST_COUNT_OF(versions); i++)
		if (!strcmp(key, versions[i]->key))
			rpc_version_sample(host, &requests_family, versions[i], 0, line);
}

static int nfs_collect(struct host *host)
{
	struct text text, line;
	int r = host_read(host, HOST_PROC, "net/rpc/nfs", &text);
	if (r)
		return r == -ENOENT ? -ENODATA : r;
	while (text_line(&text, &line)) {
		const char *key = text_word(&line);
		if (key)
			line_sample(host, key, &line);
	}
	return 0;
}

const struct host_ops host_nfs = {.collect = nfs_collect};
