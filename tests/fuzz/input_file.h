/* SPDX-License-Identifier: MIT */
/* An input as a file with a path, for what is given paths. */
#ifndef TESTS_FUZZ_INPUT_FILE_H
#define TESTS_FUZZ_INPUT_FILE_H

#include <stddef.h>

/* Makes the bytes the content of the one file; returns its path. */
const char *input_file_write(const void *bytes, size_t len);

#endif
