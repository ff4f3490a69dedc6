/* SPDX-License-Identifier: MIT */
/* A table of text: columns as wide as their widest cell. */
#ifndef MSTAT_TOOL_TABLE_H
#define MSTAT_TOOL_TABLE_H

#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 12

struct table {
	const char *headings[TABLE_COLUMNS_MAX];
	size_t columns;
	char **cells; /* row after row, escaped */
	size_t count;
	size_t capacity;
};

/* Prepares a table. `headings`: one word a column, separated by blanks; '>' before a word aligns the column to the
 * right. The string must outlive the table. */
void table_init(struct table *table, const char *headings);
void table_fini(struct table *table);

/* Adds the next cell, row by row. Untrusted text is escaped. */
__attribute__((format(printf, 2, 3))) void table_add(struct table *table, const char *format, ...);

/* Prints headings and rows; lines end after their last character. */
void table_print(const struct table *table, FILE *out);

#endif
