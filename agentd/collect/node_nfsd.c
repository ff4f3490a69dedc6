/* SPDX-License-Identifier: MIT */
/* The NFS server: /proc/net/rpc/nfsd. */
#include <string.h>

#include "host_rpc.h"

static const struct host_family requests_family = HOST_COUNTER(
	"node_nfsd_requests_total", "Total number NFSd Requests by method and protocol.", "proto", "method");
static const struct host_family packets_family = HOST_COUNTER(
	"node_nfsd_packets_total", "Total NFSd network packets (sent+received) by protocol type.", "proto");
static const struct host_family errors_family =
	HOST_COUNTER("node_nfsd_rpc_errors_total", "Total number of NFSd RPC errors by error type.", "error");

/* A number of a line that is a family of its own. */
struct field {
	const char *key;
	unsigned index;
	struct host_family family;
};
static const struct field fields[] = {
	{"rc", 0,
	 HOST_COUNTER("node_nfsd_reply_cache_hits_total",
		      "Total number of NFSd Reply Cache hits (client lost server response).")},
	{"rc", 1,
	 HOST_COUNTER("node_nfsd_reply_cache_misses_total",
		      "Total number of NFSd Reply Cache an operation that requires caching (idempotent).")},
	{"rc", 2,
	 HOST_COUNTER("node_nfsd_reply_cache_nocache_total",
		      "Total number of NFSd Reply Cache non-idempotent operations (rename/delete/\u2026).")},
	{"fh", 0, HOST_COUNTER("node_nfsd_file_handles_stale_total", "Total number of NFSd stale file handles")},
	{"io", 0, HOST_COUNTER("node_nfsd_disk_bytes_read_total", "Total NFSd bytes read.")},
	{"io", 1, HOST_COUNTER("node_nfsd_disk_bytes_written_total", "Total NFSd bytes written.")},
	{"th", 0, HOST_GAUGE("node_nfsd_server_threads", "Total number of NFSd kernel threads that are running.")},
	{"ra", 0, HOST_GAUGE("node_nfsd_read_ahead_cache_size_blocks", "How large the read ahead cache is in blocks.")},
	{"ra", 11,
	 HOST_COUNTER("node_nfsd_read_ahead_cache_not_found_total",
		      "Total number of NFSd read ahead cache not found.")},
	{"net", 3, HOST_COUNTER("node_nfsd_connections_total", "Total number of NFSd TCP connections.")},
	{"rpc", 0, HOST_COUNTER("node_nfsd_server_rpcs_total", "Total number of NFSd RPCs.")},
};
#define NUMBERS_MAX 12
/* Null, which only asks whether a server is there, is not told. */
#define FIRST_TOLD 1

/* By number of the operation (RFC 7530). node_exporter 1.5 takes 35 and 36 (SETCLIENTID and its confirmation) for
 * Verify and Write. */
static const char *const methods_4[] = {
	NULL,          NULL,      NULL,      "Access",   "Close",       "Commit",   "Create", "DelegPurge",
	"DelegReturn", "GetAttr", "GetFH",   "Link",     "Lock",        "Lockt",    "Locku",  "Lookup",
	"LookupRoot",  "Nverify", "Open",    "OpenAttr", "OpenConfirm", "OpenDgrd", "PutFH",  NULL,
	NULL,          "Read",    "ReadDir", "ReadLink", "Remove",      "Rename",   "Renew",  "RestoreFH",
	"SaveFH",      "SecInfo", "SetAttr", NULL,       NULL,          "Verify",   "Write",  "RelLockOwner"};
static const struct rpc_version version_4 = {"proc4ops", "4", methods_4, HOST_COUNT_OF(methods_4)};
static const struct rpc_version *const versions[] = {&rpc_version_2, &rpc_version_3, &version_4};

static void numbers_sample(struct host *host, const char *key, struct text *line)
{
	uint64_t numbers[NUMBERS_MAX];
	rpc_numbers_read(line, numbers, NUMBERS_MAX);
	for (size_t i = 0; i < HOST_COUNT_OF(fields); i++)
		if (!strcmp(key, fields[i].key))
			host_u64(host, &fields[i].family, numbers[fields[i].index]);
	if (!strcmp(key, "net")) {
		host_u64(host, &packets_family, numbers[1], "udp");
		host_u64(host, &packets_family, numbers[2], "tcp");
	}
	if (!strcmp(key, "rpc")) {
		host_u64(host, &errors_family, numbers[2], "fmt");
		host_u64(host, &errors_family, numbers[3], "auth");
		host_u64(host, &errors_family, numbers[4], "cInt");
	}
}

static int nfsd_collect(struct host *host)
{
	struct text text, line;
	int r = host_read(host, HOST_PROC, "net/rpc/nfsd", &text);
	if (r)
		return r == -ENOENT ? -ENODATA : r;
	while (text_line(&text, &line)) {
		const struct rpc_version *version = NULL;
		const char *key = text_word(&line);
		for (size_t i = 0; key && i < HOST_COUNT_OF(versions); i++)
			if (!strcmp(key, versions[i]->key))
				version = versions[i];
		if (version)
			rpc_version_sample(host, &requests_family, version, FIRST_TOLD, &line);
		else if (key)
			numbers_sample(host, key, &line);
	}
	return 0;
}

const struct host_ops host_nfsd = {.collect = nfsd_collect};
