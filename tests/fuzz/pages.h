/* SPDX-License-Identifier: MIT */
/* Pages of a snapshot in every format, read again: what is exposed must parse, and say what the snapshot says. */
#ifndef TESTS_FUZZ_PAGES_H
#define TESTS_FUZZ_PAGES_H

#include "snapshot/snapshot.h"

/* Aborts where a page of the snapshot breaks a rule of its format, or where a number differs. The texts are read by the
 * readers of text files, which are as strict as the formats; protobuf by a walk over its messages. */
void pages_check(const struct snapshot *snapshot);

#endif
