/* SPDX-License-Identifier: GPL-2.0-only */
/* What a vCPU keeps in registers over all ticks, to see that it is still there. */
#ifndef GUEST_REGISTERS_H
#define GUEST_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

/* Written once. Different for every seed and vCPU, so that another guest's registers are recognised, too. */
void registers_fill(uint32_t seed, uint32_t vcpu, bool debug);
bool fpu_same(uint32_t seed, uint32_t vcpu);
bool msrs_same(uint32_t seed, uint32_t vcpu);
bool debug_same(uint32_t seed, uint32_t vcpu);
/* The tick, kept in xmm15 besides memory: registers and memory of different moments differ in it. */
void tick_keep(uint64_t tick);
uint64_t tick_kept(void);

#endif
