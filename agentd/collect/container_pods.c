/* SPDX-License-Identifier: MIT */
/* Names of pods and containers of Kubernetes, which no control group has: the kubelet writes them into the names of
 * log files. No API, no credentials, no connection. */
#include <stdlib.h>
#include <string.h>

#include "container.h"

#define PODS_PATH "var/log/pods"
#define LOGS_PATH "var/log/containers"
#define LOG_SUFFIX ".log"
#define LIST_PODS 1u /* lists 0 to 3 of the collector */
#define LIST_LOGS 2u
/* The log file comes some time after the group. */
#define TRIES_MAX 8u

/* Once in a collection, and only in one that has a group without a name. */
static void directories_list(struct host *host)
{
	struct container_state *state = host->state;
	if (state->listed == state->collection)
		return;
	state->listed = state->collection;
	if (host_list(host, LIST_PODS, HOST_ROOTFS, PODS_PATH, &state->pod_directories))
		state->pod_directories.count = 0;
	if (host_list(host, LIST_LOGS, HOST_ROOTFS, LOGS_PATH, &state->container_logs))
		state->container_logs.count = 0;
}

static void name_set(char **name, const char *text, size_t len)
{
	free(*name);
	*name = strndup(text, len);
}

/* "NAMESPACE_POD_UID": none of the three has a "_". */
static void pod_find(const struct container_state *state, struct container_group *group)
{
	for (size_t i = 0; i < state->pod_directories.count; i++) {
		const char *name = state->pod_directories.names[i];
		const char *pod = strchr(name, '_'), *uid = pod ? strchr(pod + 1, '_') : NULL;
		if (!uid || strcmp(uid + 1, group->identity.pod_uid) != 0)
			continue;
		name_set(&group->namespace, name, (size_t)(pod - name));
		name_set(&group->pod, pod + 1, (size_t)(uid - pod - 1));
		return;
	}
}

/* "POD_NAMESPACE_CONTAINER-ID.log" */
static void container_find(const struct container_state *state, struct container_group *group)
{
	const size_t tail_len = strlen(group->identity.id) + strlen(LOG_SUFFIX) + 1;
	for (size_t i = 0; i < state->container_logs.count; i++) {
		const char *name = state->container_logs.names[i];
		const size_t len = strlen(name);
		const char *namespace = strchr(name, '_'), *container = namespace ? strchr(namespace + 1, '_') : NULL;
		if (!container || len < tail_len || name + len - tail_len <= container ||
		    strncmp(name + len - tail_len + 1, group->identity.id, strlen(group->identity.id)) != 0)
			continue;
		name_set(&group->container, container + 1, (size_t)(name + len - tail_len - container - 1));
		return;
	}
}

void container_pod_resolve(struct host *host, struct container_group *group)
{
	const struct container_identity *identity = &group->identity;
	const bool pod_wanted = *identity->pod_uid && !group->pod;
	const bool container_wanted = *identity->pod_uid && *identity->id && !group->container;
	if ((!pod_wanted && !container_wanted) || group->names_tries == TRIES_MAX)
		return;
	/* A pod's own container, which holds its namespaces, never has a log: it stays without a name. */
	group->names_tries++;
	directories_list(host);
	if (pod_wanted)
		pod_find(host->state, group);
	if (container_wanted)
		container_find(host->state, group);
}
