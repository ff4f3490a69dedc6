/* SPDX-License-Identifier: MIT */
/* Programs that live for a moment, each of a service of its own: "short0", "short1" ... New text, new series and a fold
 * each time. */
#ifndef TESTS_SERVICES_H
#define TESTS_SERVICES_H

#include <stdint.h>

#include "daemon.h"

/* Runs one to its end. Returns its series, in a static buffer; its value is 10. */
const char *service_run(const struct scratch *scratch, unsigned int number);

/* Starts an agent and fails unless the first `count` of them are on its page, once; `what` is what was before. */
void expect_services(const struct scratch *scratch, unsigned int count, const char *what);

/* Fails, and says at what, if the agent has ended. */
void expect_alive(const struct daemon *agent, const char *what, uint64_t number);

#endif
