/* SPDX-License-Identifier: MIT */
/* Softirqs: work that interrupts leave for later, by vector. */
#ifndef AGENTD_COLLECT_BPF_SOFTIRQ_H
#define AGENTD_COLLECT_BPF_SOFTIRQ_H

#define SOFTIRQ_VECTORS 10

#endif
