/* SPDX-License-Identifier: MIT */
/* A table of text. See table.h. */
#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "table.h"

void table_init(struct table *table, const char *headings)
{
	*table = (struct table){0};
	for (const char *word = headings; *word; word += strspn(word, " ")) {
		assert(table->columns < TABLE_COLUMNS_MAX);
		table->headings[table->columns++] = word;
		word += strcspn(word, " ");
	}
}

void table_fini(struct table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
}

void table_add(struct table *table, const char *format, ...)
{
	va_list list;
	char *text = NULL;
	va_start(list, format);
	int len = vasprintf(&text, format, list);
	va_end(list);
	need(len < 0 ? NULL : text);
	table->cells = need_room(table->cells, table->count, &table->capacity, sizeof(*table->cells));
	table->cells[table->count++] = text_escaped(text, (size_t)len);
	free(text);
}

static bool column_right(const struct table *table, size_t column)
{
	return table->headings[column][0] == '>';
}

static size_t column_width(const struct table *table, size_t column)
{
	size_t width = strcspn(table->headings[column], " ") - column_right(table, column);
	for (size_t i = column; i < table->count; i += table->columns) {
		size_t cell = text_width(table->cells[i]);
		if (cell > width)
			width = cell;
	}
	return width;
}

static void cell_print(FILE *out, const char *text, int len, size_t text_columns, size_t width, bool right, bool last)
{
	int pad = (int)(width - text_columns);
	fprintf(out, "%*s%.*s%*s", right ? pad : 0, "", len, text, right || last ? 0 : pad, "");
	fputs(last ? "\n" : "  ", out);
}

void table_print(const struct table *table, FILE *out)
{
	size_t width[TABLE_COLUMNS_MAX];
	for (size_t c = 0; c < table->columns; c++) {
		width[c] = column_width(table, c);
		bool right = column_right(table, c);
		size_t len = strcspn(table->headings[c], " ") - right;
		cell_print(out, table->headings[c] + right, (int)len, len, width[c], right, c + 1 == table->columns);
	}
	for (size_t i = 0; i < table->count; i++) {
		size_t c = i % table->columns;
		cell_print(out, table->cells[i], (int)strlen(table->cells[i]), text_width(table->cells[i]), width[c],
			   column_right(table, c), c + 1 == table->columns);
	}
}
