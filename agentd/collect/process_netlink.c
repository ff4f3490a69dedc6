/* SPDX-License-Identifier: MIT */
/* The two netlink sockets that tell of processes. */
#include "process_netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/taskstats.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_BYTES (1 << 20)
/* The kernel answers at once; what does not answer in this time never will. */
#define ANSWER_MS 1000
/* In version 15 fields were put into the middle of the structure; 16 has them at the end. */
#define VERSION_BROKEN 15
/* Set in ac_flag by the last thread of a process; since version 12, as ac_tgid. */
#define FLAG_LAST_OF_GROUP 0x20
#define VERSION_TGID 12

static int socket_open(int protocol, uint32_t groups)
{
	const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
	const int bytes = RECEIVE_BYTES;
	const int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address))) {
		const int error = errno;
		close(fd);
		return -error;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	return fd;
}

/* The next message with its whole length in place; NULL at the end. */
static const struct nlmsghdr *message_next(const char **at, size_t *left)
{
	const struct nlmsghdr *message = (const struct nlmsghdr *)*at;
	if (*left < sizeof(*message) || message->nlmsg_len < sizeof(*message) || message->nlmsg_len > *left)
		return NULL;
	const size_t whole = NLMSG_ALIGN((size_t)message->nlmsg_len);
	const size_t step = whole < *left ? whole : *left;
	*at += step;
	*left -= step;
	return message;
}

/* ---- taskstats -------------------------------------------------------------------------------------------------- */

struct request {
	struct nlmsghdr header;
	struct genlmsghdr command;
	char attributes[512];
};

static int request_send(int fd, uint16_t family, uint8_t command, uint16_t attribute, const char *text)
{
	struct request request = {
		.header = {.nlmsg_type = family, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		.command = {.cmd = command, .version = 1},
	};
	const size_t len = strlen(text) + 1;
	struct nlattr *head = (struct nlattr *)request.attributes;
	if (NLA_HDRLEN + len > sizeof(request.attributes))
		return -EMSGSIZE;
	head->nla_type = attribute;
	head->nla_len = (uint16_t)(NLA_HDRLEN + len);
	memcpy(request.attributes + NLA_HDRLEN, text, len);
	request.header.nlmsg_len = (uint32_t)(NLMSG_LENGTH(GENL_HDRLEN) + NLA_ALIGN(head->nla_len));
	return send(fd, &request, request.header.nlmsg_len, 0) < 0 ? -errno : 0;
}

struct attributes {
	const char *at;
	size_t len;
};

/* The next attribute with its whole body in place; false at the end. */
static bool attribute_next(struct attributes *attributes, uint16_t *type, struct attributes *body)
{
	struct nlattr head;
	if (attributes->len < NLA_HDRLEN)
		return false;
	memcpy(&head, attributes->at, sizeof(head));
	if (head.nla_len < NLA_HDRLEN || head.nla_len > attributes->len)
		return false;
	const size_t whole = NLA_ALIGN((size_t)head.nla_len);
	const size_t step = whole < attributes->len ? whole : attributes->len;
	*type = head.nla_type & NLA_TYPE_MASK;
	*body = (struct attributes){attributes->at + NLA_HDRLEN, head.nla_len - NLA_HDRLEN};
	attributes->at += step;
	attributes->len -= step;
	return true;
}

static bool message_attributes(const struct nlmsghdr *message, struct attributes *attributes)
{
	const size_t head = NLMSG_LENGTH(GENL_HDRLEN);
	if (message->nlmsg_type < NLMSG_MIN_TYPE || message->nlmsg_len < head)
		return false;
	*attributes = (struct attributes){(const char *)message + head, message->nlmsg_len - head};
	return true;
}

/* Waits for the end of an answer: 0 or -errno of the kernel. *family is filled in if the answer tells one. */
static int answer_wait(int fd, uint16_t *family)
{
	_Alignas(struct nlmsghdr) char bytes[8192];
	for (;;) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		if (poll(&poll_fd, 1, ANSWER_MS) <= 0)
			return -ETIMEDOUT;
		const ssize_t len = recv(fd, bytes, sizeof(bytes), 0);
		if (len < 0)
			return -errno;
		const char *at = bytes;
		size_t left = (size_t)len;
		for (const struct nlmsghdr *message; (message = message_next(&at, &left));) {
			struct attributes attributes, body;
			uint16_t type;
			if (message->nlmsg_type == NLMSG_ERROR && message->nlmsg_len >= NLMSG_LENGTH(sizeof(int)))
				return ((const struct nlmsgerr *)NLMSG_DATA(message))->error;
			if (!family || !message_attributes(message, &attributes))
				continue;
			while (attribute_next(&attributes, &type, &body))
				if (type == CTRL_ATTR_FAMILY_ID && body.len >= sizeof(*family))
					memcpy(family, body.at, sizeof(*family));
		}
	}
}

/* "0-3", as the kernel lists the CPUs that there can be. */
static int cpus_read(char *text, size_t size)
{
	const int fd = open("/sys/devices/system/cpu/possible", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	const ssize_t len = read(fd, text, size - 1);
	close(fd);
	if (len <= 0)
		return -ENODATA;
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

int process_taskstats_open(void)
{
	char cpus[256];
	uint16_t family = 0;
	const int fd = socket_open(NETLINK_GENERIC, 0);
	if (fd < 0)
		return fd;
	int r = cpus_read(cpus, sizeof(cpus));
	if (!r)
		r = request_send(fd, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, TASKSTATS_GENL_NAME);
	if (!r)
		r = answer_wait(fd, &family);
	if (!r)
		r = request_send(fd, family, TASKSTATS_CMD_GET, TASKSTATS_CMD_ATTR_REGISTER_CPUMASK, cpus);
	if (!r)
		r = answer_wait(fd, NULL);
	if (!r)
		return fd;
	close(fd);
	return r;
}

static void stats_take(const struct attributes *body, process_thread_end_each *each, void *context)
{
	struct taskstats stats = {.version = 0};
	struct process_thread_end end = {.last = true};
	const size_t len = body->len < sizeof(stats) ? body->len : sizeof(stats);
	memcpy(&stats, body->at, len);
	if (len < offsetof(struct taskstats, ac_utimescaled) || stats.version == VERSION_BROKEN)
		return;
	end.tgid = stats.ac_pid;
	end.elapsed_ns = stats.ac_etime * 1000;
	if (stats.version >= VERSION_TGID && len >= offsetof(struct taskstats, ac_exe_dev)) {
		end.tgid = stats.ac_tgid;
		end.last = stats.ac_flag & FLAG_LAST_OF_GROUP;
		end.elapsed_ns = stats.ac_tgetime * 1000;
	}
	end.parent = stats.ac_ppid;
	end.uid = stats.ac_uid;
	end.counters = (struct process_counters){
		.user_ns = stats.ac_utime * 1000,
		.system_ns = stats.ac_stime * 1000,
		.minor_faults = stats.ac_minflt,
		.major_faults = stats.ac_majflt,
		.read_bytes = stats.read_bytes,
		.write_bytes = stats.write_bytes,
		.voluntary_switches = stats.nvcsw,
		.nonvoluntary_switches = stats.nivcsw,
	};
	_Static_assert(sizeof(stats.ac_comm) == sizeof(end.comm), "one size of commands");
	memcpy(end.comm, stats.ac_comm, sizeof(end.comm) - 1);
	each(context, &end);
}

void process_taskstats_parse(const void *bytes, size_t len, process_thread_end_each *each, void *context)
{
	const char *at = bytes;
	for (const struct nlmsghdr *message; (message = message_next(&at, &len));) {
		struct attributes attributes, thread, body;
		uint16_t type;
		if (!message_attributes(message, &attributes))
			continue;
		/* One for the thread, and of some also one for all threads, which lacks most figures. */
		while (attribute_next(&attributes, &type, &thread))
			while (type == TASKSTATS_TYPE_AGGR_PID && attribute_next(&thread, &(uint16_t){0}, &body))
				if (body.len >= offsetof(struct taskstats, ac_utimescaled))
					stats_take(&body, each, context);
	}
}

/* ---- the connector ---------------------------------------------------------------------------------------------- */

/* Where the kind of the event is: behind the two heads. */
#define EVENT_OFFSET (NLMSG_HDRLEN + sizeof(struct cn_msg))

/* All but exec are dropped by the kernel, before they wake anybody. */
static int filter_set(int fd)
{
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, EVENT_OFFSET + offsetof(struct proc_event, what)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_EXEC), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = {.len = sizeof(steps) / sizeof(*steps), .filter = steps};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ? -errno : 0;
}

int process_connector_open(void)
{
	enum { BODY_BYTES = sizeof(struct cn_msg) + sizeof(enum proc_cn_mcast_op) };
	const enum proc_cn_mcast_op operation = PROC_CN_MCAST_LISTEN;
	const struct cn_msg connector = {.id = {.idx = CN_IDX_PROC, .val = CN_VAL_PROC}, .len = sizeof(operation)};
	_Alignas(struct nlmsghdr) char request[NLMSG_SPACE(BODY_BYTES)] = {0};
	struct nlmsghdr *header = (struct nlmsghdr *)request;
	header->nlmsg_len = NLMSG_LENGTH(BODY_BYTES);
	header->nlmsg_type = NLMSG_DONE;
	memcpy(mempcpy(NLMSG_DATA(header), &connector, sizeof(connector)), &operation, sizeof(operation));
	const int fd = socket_open(NETLINK_CONNECTOR, CN_IDX_PROC);
	if (fd < 0)
		return fd;
	int r = filter_set(fd);
	if (!r && send(fd, request, header->nlmsg_len, 0) < 0)
		r = -errno;
	if (!r)
		return fd;
	close(fd);
	return r;
}

void process_connector_parse(const void *bytes, size_t len, process_exec_each *each, void *context)
{
	const size_t exec_end = offsetof(struct proc_event, event_data) + sizeof(struct exec_proc_event);
	const char *at = bytes;
	for (const struct nlmsghdr *message; (message = message_next(&at, &len));) {
		struct proc_event event;
		if (message->nlmsg_len < EVENT_OFFSET + exec_end)
			continue;
		memset(&event, 0, sizeof(event));
		memcpy(&event, (const char *)message + EVENT_OFFSET, exec_end);
		if (event.what == PROC_EVENT_EXEC)
			each(context, (uint32_t)event.event_data.exec.process_tgid);
	}
}
