/* SPDX-License-Identifier: MIT */
/* Directories whose files hold one number each. */
#include "host_numbers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_TEXT_MAX 128

bool host_number_parse(const char *string, struct number *number)
{
	/* Never written to: only number tokenisers get it. */
	char *at = (char *)(uintptr_t)string;
	struct text text = {at, at + strlen(at)};
	uint64_t magnitude;
	int64_t value;
	if (text_take(&text, "0x")) {
		if (!text_hex(&text, &magnitude))
			return false;
		*number = (struct number){.type = NUMBER_U64, .u64 = magnitude};
	} else if (text_u64(&text, &magnitude)) {
		*number = (struct number){.type = NUMBER_U64, .u64 = magnitude};
	} else if (text_i64(&text, &value)) {
		*number = (struct number){.type = NUMBER_I64, .i64 = value};
	} else {
		return false;
	}
	return true;
}

double host_number_f64(struct number number)
{
	switch (number.type) {
	case NUMBER_U64:
		return (double)number.u64;
	case NUMBER_I64:
		return (double)number.i64;
	default:
		return number.f64;
	}
}

int host_number_read(struct host *host, enum host_root root, const char *path, struct number *number)
{
	char string[NUMBER_TEXT_MAX];
	int r = host_read_string(host, root, path, string, sizeof(string));
	if (!r && !host_number_parse(string, number))
		r = -EINVAL;
	return r;
}

size_t host_numbers_sample(struct host *host, enum host_root root, const char *directory,
			   const struct host_number *rows, size_t count, const char *const *values)
{
	char path[HOST_PATH_MAX];
	struct number number;
	size_t told = 0;
	for (size_t i = 0; i < count; i++) {
		if (host_number_read(host, root, host_format(path, "%s/%s", directory, rows[i].file), &number))
			continue;
		if (rows[i].divisor != 0)
			number = (struct number){.type = NUMBER_F64, .f64 = host_number_f64(number) / rows[i].divisor};
		host_sample(host, &rows[i].family, values, number);
		told++;
	}
	return told;
}

int host_filter_open(struct host *host, const char *include, const char *exclude)
{
	struct host_filter *filter = calloc(1, sizeof(*filter));
	if (!filter)
		return -ENOMEM;
	int r = host_filter_init(filter, include, exclude);
	if (r)
		free(filter);
	else
		host->state = filter;
	return r;
}

void host_filter_close(struct host *host)
{
	host_filter_fini(host->state);
	free(host->state);
}
