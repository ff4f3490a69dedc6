/* SPDX-License-Identifier: MIT */
/* The journal, by its native protocol. */
#include "journal.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define WAIT_US 100000

static const char *journal_path = "/run/systemd/journal/socket";
static int journal_fd = -1;

/* syslog's numbers, by enum log_level. */
static const int priorities[LOG_LEVEL_COUNT] = {7, 6, 4, 3};

struct datagram {
	size_t len;
	char bytes[2 * LOG_LINE_MAX];
};

bool journal_owns_fd(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat status;
	uint64_t device, inode;
	int end = 0;
	if (!stream || sscanf(stream, "%" SCNu64 ":%" SCNu64 "%n", &device, &inode, &end) != 2 || stream[end])
		return false;
	return !fstat(fd, &status) && status.st_dev == device && status.st_ino == inode;
}

static bool put(struct datagram *datagram, const void *bytes, size_t len)
{
	if (len > sizeof(datagram->bytes) - datagram->len)
		return false;
	memcpy(datagram->bytes + datagram->len, bytes, len);
	datagram->len += len;
	return true;
}

/* A field, or nothing of it. */
static void put_field(struct datagram *datagram, const char *key, const char *value, size_t len)
{
	const size_t before = datagram->len;
	const uint64_t len_le = htole64(len);
	const bool lines = memchr(value, '\n', len);
	bool fits = put(datagram, key, strlen(key)) && put(datagram, lines ? "\n" : "=", 1);
	if (lines)
		fits = fits && put(datagram, &len_le, sizeof(len_le));
	if (!fits || !put(datagram, value, len) || !put(datagram, "\n", 1))
		datagram->len = before;
}

static void put_log_field(struct datagram *datagram, const struct log_field *field)
{
	char key[64] = "MSTAT_", number[24];
	size_t at = strlen(key);
	for (const char *c = field->key; *c && at < sizeof(key) - 1; c++)
		key[at++] = (char)toupper((unsigned char)*c);
	key[at] = '\0';
	snprintf(number, sizeof(number), "%" PRId64, field->number);
	const char *value = field->text ? field->text : number;
	put_field(datagram, key, value, strlen(value));
}

static int socket_open(void)
{
	const struct timeval wait = {.tv_usec = WAIT_US};
	if (journal_fd >= 0)
		return 0;
	journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (journal_fd < 0)
		return -errno;
	setsockopt(journal_fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	return 0;
}

static struct sockaddr_un journal_address(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", journal_path);
	return address;
}

/* Addressed each time instead of connected once, so that it goes on when journald has been restarted. */
static int datagram_send(const struct datagram *datagram)
{
	const struct sockaddr_un address = journal_address();
	const int r = socket_open();
	if (r)
		return r;
	const ssize_t sent = sendto(journal_fd, datagram->bytes, datagram->len, MSG_NOSIGNAL,
				    (const struct sockaddr *)&address, sizeof(address));
	return sent < 0 ? -errno : 0;
}

int journal_send(enum log_level level, const char *message, size_t message_len, const struct log_field *fields,
		 size_t count)
{
	struct datagram datagram = {.len = 0};
	char priority[4];
	snprintf(priority, sizeof(priority), "%d", priorities[level]);
	put_field(&datagram, "PRIORITY", priority, strlen(priority));
	put_field(&datagram, "SYSLOG_IDENTIFIER", "mstatd", 6);
	put_field(&datagram, "MESSAGE", message, message_len);
	for (size_t i = 0; i < count; i++)
		put_log_field(&datagram, &fields[i]);
	return datagram_send(&datagram);
}

int journal_probe(void)
{
	const struct sockaddr_un address = journal_address();
	const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -errno : 0;
	if (!r && connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		r = -errno;
	if (fd >= 0)
		close(fd);
	return r;
}

void journal_set_path(const char *path)
{
	journal_path = path;
}
