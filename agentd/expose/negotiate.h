/* SPDX-License-Identifier: MIT */
/* Content negotiation: from Accept and Accept-Encoding to a format and an encoding.
 *
 * The rules are those of Prometheus' expfmt, so that a scraper gets here what it gets from a Go exporter:
 *
 *   - of the clauses that name a format we have, the one with the highest q wins, of equal ones the first; a clause
 *     with q=0 or with a q that is no number says nothing
 *   - application/openmetrics-text without a version is 0.0.1, text/plain without one 0.0.4; protobuf must say
 *     proto=io.prometheus.client.MetricFamily and encoding=delimited
 *   - wildcards name no format; where nothing matches, text 0.0.4 is the answer, never 406
 *   - the escaping parameter of the clause that wins counts; an unknown value is as none
 *
 * What is longer than NEGOTIATE_BYTES_MAX or has more than NEGOTIATE_CLAUSES_MAX clauses counts up to there: a header
 * may not cost more than the page.
 */
#ifndef AGENTD_EXPOSE_NEGOTIATE_H
#define AGENTD_EXPOSE_NEGOTIATE_H

#include <stdbool.h>
#include <stddef.h>

#include "compress.h"
#include "format.h"

#define NEGOTIATE_BYTES_MAX 4096u
#define NEGOTIATE_CLAUSES_MAX 32u

/* The state while headers are read: a request may have several of one name. Begins as NEGOTIATION_INIT. */
struct negotiation {
	enum format format;
	enum escaping escaping;
	unsigned format_q; /* thousandths, of the clause that leads; 0: none yet */
	unsigned clauses;  /* of all Accept headers so far */

	unsigned encoding_q[ENCODING_COUNT]; /* valid where encoding_named says so */
	bool encoding_named[ENCODING_COUNT];
	unsigned wildcard_q; /* of "*" */
	bool wildcard_named;
	unsigned encoding_clauses;
};
#define NEGOTIATION_INIT                                                                                               \
	{                                                                                                              \
		.format = FORMAT_TEXT, .escaping = ESCAPING_NONE                                                       \
	}

/* Takes one Accept header into account. Cost: some 100 ns for what Prometheus sends. */
void negotiate_accept(struct negotiation *negotiation, const char *value, size_t len);

/* Takes one Accept-Encoding header into account. */
void negotiate_accept_encoding(struct negotiation *negotiation, const char *value, size_t len);

/* The encoding with the highest q; of equal ones the better compressed. Identity if nothing else is left, also where
 * the client excludes it: a page that nobody can read is better than none. */
enum encoding negotiated_encoding(const struct negotiation *negotiation);

#endif
