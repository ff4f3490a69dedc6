/* SPDX-License-Identifier: MIT */
/* Who a control group belongs to, as its path tells. */
#include "container_identity.h"

#include <stdio.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define ID_DIGITS 64u

/* How names of scopes and directories begin in front of a container's id. */
struct beginning {
	const char *prefix;
	const char *runtime;
};
static const struct beginning beginnings[] = {
	{"docker-", "docker"},      {"cri-containerd-", "containerd"}, {"crio-", "cri-o"},    {"libpod-", "podman"},
	{"nerdctl-", "containerd"}, {"containerd-", "containerd"},     {"garden-", "garden"},
};

/* Runtimes by the name of the directory above, where the id stands alone. */
static const struct beginning parents[] = {
	{"docker", "docker"}, {"libpod_parent", "podman"}, {"containerd", "containerd"},
	{"ecs", "docker"},    {"actions_job", "docker"},
};

/* One name of the path: not ended by a NUL. */
struct name {
	const char *text;
	size_t len;
};

static bool name_is(struct name name, const char *text)
{
	return name.len == strlen(text) && !memcmp(name.text, text, name.len);
}

static bool name_begins(struct name name, const char *prefix)
{
	return name.len >= strlen(prefix) && !memcmp(name.text, prefix, strlen(prefix));
}

static bool name_ends(struct name name, const char *suffix)
{
	size_t len = strlen(suffix);
	return name.len > len && !memcmp(name.text + name.len - len, suffix, len);
}

static struct name name_without(struct name name, size_t front, size_t back)
{
	return (struct name){name.text + front, name.len - front - back};
}

static void name_copy(char *out, size_t size, struct name name)
{
	snprintf(out, size, "%.*s", (int)(name.len < size ? name.len : size - 1), name.text);
}

/* ---- containers ------------------------------------------------------------------------------------------------- */

static bool id_valid(struct name name)
{
	return name.len == ID_DIGITS && strspn(name.text, "0123456789abcdef") >= ID_DIGITS;
}

static void container_set(struct container_identity *identity, const char *runtime, struct name id)
{
	snprintf(identity->runtime, sizeof(identity->runtime), "%s", runtime);
	name_copy(identity->id, sizeof(identity->id), id);
}

/* "docker-<id>.scope", "libpod-<id>", "<slice>:cri-containerd:<id>" */
static bool container_prefixed(struct name name, struct container_identity *identity)
{
	if (name_ends(name, ".scope"))
		name = name_without(name, 0, strlen(".scope"));
	for (size_t i = 0; i < COUNT_OF(beginnings); i++) {
		size_t len = strlen(beginnings[i].prefix);
		if (!name_begins(name, beginnings[i].prefix) || !id_valid(name_without(name, len, 0)))
			continue;
		container_set(identity, beginnings[i].runtime, name_without(name, len, 0));
		return true;
	}
	return false;
}

/* A runtime that was told to use systemd, and does not, names its directory "SLICE:PREFIX:ID". */
static bool container_colons(struct name name, struct container_identity *identity)
{
	const char *last = memrchr(name.text, ':', name.len);
	const char *first = last ? memrchr(name.text, ':', (size_t)(last - name.text)) : NULL;
	if (!first)
		return false;
	const struct name id = name_without(name, (size_t)(last + 1 - name.text), 0);
	const struct name prefix = {first + 1, (size_t)(last - first - 1)};
	if (!id_valid(id))
		return false;
	container_set(identity, "", id);
	for (size_t i = 0; i < COUNT_OF(beginnings); i++)
		if (strlen(beginnings[i].prefix) == prefix.len + 1 &&
		    !memcmp(beginnings[i].prefix, prefix.text, prefix.len))
			snprintf(identity->runtime, sizeof(identity->runtime), "%s", beginnings[i].runtime);
	return true;
}

/* "/docker/<id>", "/lxc/NAME", "/lxc.payload.NAME", "/machine.slice/machine-NAME.scope" */
static bool container_by_parent(struct name parent, struct name name, struct container_identity *identity)
{
	if (id_valid(name)) {
		container_set(identity, "", name);
		for (size_t i = 0; i < COUNT_OF(parents); i++)
			if (name_is(parent, parents[i].prefix))
				container_set(identity, parents[i].runtime, name);
		return true;
	}
	if (name_begins(name, "lxc.payload."))
		container_set(identity, "lxc", name_without(name, strlen("lxc.payload."), 0));
	else if (name_is(parent, "lxc"))
		container_set(identity, "lxc", name);
	else if (name_is(parent, "machine.slice") && name_begins(name, "machine-") && name_ends(name, ".scope"))
		container_set(identity, "systemd-nspawn", name_without(name, strlen("machine-"), strlen(".scope")));
	return *identity->id;
}

/* ---- pods and units --------------------------------------------------------------------------------------------- */

/* "kubepods", "kubepods.slice", "kubelet-kubepods-besteffort.slice": the part of the tree that the kubelet makes. */
static bool name_is_kubepods(struct name name)
{
	return memmem(name.text, name.len, "kubepods", strlen("kubepods"));
}

/* "kubepods-burstable-pod8d4bf5a4_1f2e.slice" or "pod8d4bf5a4-1f2e": systemd allows no "-" in the uid. */
static void pod_parse(struct name name, struct container_identity *identity)
{
	if (identity->kubernetes && name_ends(name, ".slice")) {
		const char *at = memmem(name.text, name.len, "-pod", strlen("-pod"));
		if (!at)
			return;
		name = name_without(name, (size_t)(at - name.text) + strlen("-pod"), strlen(".slice"));
	} else if (identity->kubernetes && name_begins(name, "pod")) {
		name = name_without(name, strlen("pod"), 0);
	} else {
		return;
	}
	name_copy(identity->pod_uid, sizeof(identity->pod_uid), name);
	for (char *at = identity->pod_uid; *at; at++)
		if (*at == '_')
			*at = '-';
}

static bool unit_valid(struct name name)
{
	static const char *const suffixes[] = {".service", ".scope", ".socket", ".mount", ".swap"};
	for (size_t i = 0; i < COUNT_OF(suffixes); i++)
		if (name_ends(name, suffixes[i]))
			return true;
	return false;
}

/* The unit is the first name behind the slices, which systemd puts outermost. */
static void unit_parse(struct name name, bool *done, struct container_identity *identity)
{
	if (*done)
		return;
	*done = !name_ends(name, ".slice");
	if (*done && !unit_valid(name))
		return;
	name_copy(identity->unit, sizeof(identity->unit), name);
}

void container_identity_parse(const char *path, struct container_identity *identity)
{
	struct name parent = {"", 0};
	bool unit_done = false;
	*identity = (struct container_identity){.kubernetes = false};
	while (*path) {
		path += strspn(path, "/");
		const struct name name = {path, strcspn(path, "/")};
		if (!name.len)
			break;
		identity->kubernetes |= name_is_kubepods(name);
		pod_parse(name, identity);
		unit_parse(name, &unit_done, identity);
		/* Only of the last name: what is below a container is a part of it, and no container. */
		identity->id[0] = identity->runtime[0] = '\0';
		if (!container_prefixed(name, identity) && !container_colons(name, identity))
			container_by_parent(parent, name, identity);
		parent = name;
		path += name.len;
	}
}
