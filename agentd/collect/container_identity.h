/* SPDX-License-Identifier: MIT */
/* Who a control group belongs to, as its path tells: a container of which runtime, a pod, a unit of systemd. */
#ifndef AGENTD_COLLECT_CONTAINER_IDENTITY_H
#define AGENTD_COLLECT_CONTAINER_IDENTITY_H

#include <stdbool.h>

#define CONTAINER_ID_MAX 72u
#define CONTAINER_UNIT_MAX 256u

/* Texts are "" where the path does not tell. */
struct container_identity {
	char runtime[24];              /* "docker", "containerd", "cri-o", "podman", ... */
	char id[CONTAINER_ID_MAX];     /* of the container, mostly 64 hexadecimal digits */
	char pod_uid[40];              /* "8d4bf5a4-...", as Kubernetes writes it */
	char unit[CONTAINER_UNIT_MAX]; /* of systemd; a slice only where there is nothing in it */
	bool kubernetes;               /* within kubepods */
};

/* Parses the path of a control group ("/system.slice/docker-0123....scope") as container runtimes and systemd make
 * them, with either cgroup driver. Never fails: what is unknown stays empty. */
void container_identity_parse(const char *path, struct container_identity *identity);

#endif
