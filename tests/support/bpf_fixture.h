/* SPDX-License-Identifier: MIT */
/* One feature of the bpf collector on this machine's own kernel, and its values before and after something happens.
 *
 *     BPF_START(tcp);                                      // skips the test, and says why, where it cannot run
 *     const double before = bpf_value("node_bpf_x_total");
 *     ... make it happen ...
 *     bpf_collect();
 *     assert_true(bpf_value("node_bpf_x_total") > before);
 *
 * Upon test_host of host_fixture.h, whose sysfs is the machine's own here.
 */
#ifndef TESTS_SUPPORT_BPF_FIXTURE_H
#define TESTS_SUPPORT_BPF_FIXTURE_H

#include "host_fixture.h"

/* Set-up of a cmocka test: no feature is on. Tear-down is host_fixture_teardown(). */
int bpf_fixture_setup(void **state);

/* Starts what test_host.options has on; skips the test if `feature`, one of it, is not permitted here or the kernel
 * lacks it, fails it if the feature does not run for another reason. Collects once. */
void bpf_start(const char *feature);
#define BPF_START(name) (test_host.options.bpf_##name = true, bpf_start(#name))

void bpf_collect(void);

/* A number, or the count of a histogram, by the series' text; 0 where there is none. */
double bpf_value(const char *series);

/* The sum of a histogram, in base units. */
double bpf_sum(const char *series);

/* The sum of bpf_value() over all series whose text begins like this. */
double bpf_family_value(const char *prefix);

/* Fails unless the value is at least `by` more than it was: other programs make such things happen, too. */
void assert_grown(const char *series, double before, double by);

/* Skips the calling test, and says why. */
void skip_because(const char *why);

/* cmocka's row of a test. */
#define BPF_TEST(name) cmocka_unit_test_setup_teardown(name, bpf_fixture_setup, host_fixture_teardown)

/* The state that a feature is in: "running"; and its errno's name, "" if there is none. */
const char *bpf_state(const char *feature);
const char *bpf_errno(const char *feature);

/* How many BPF programs the kernel has; -1 where this may not be asked. */
int bpf_program_count(void);

/* How many descriptors of one kind this process has: "bpf-prog", "bpf-map", "bpf_link". */
unsigned bpf_descriptors_open(const char *kind);

#endif
