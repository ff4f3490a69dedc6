/* SPDX-License-Identifier: MIT */
/* Interrupts by line. */
#ifndef AGENTD_COLLECT_BPF_IRQ_H
#define AGENTD_COLLECT_BPF_IRQ_H

#define IRQ_SLOTS 64

#endif
