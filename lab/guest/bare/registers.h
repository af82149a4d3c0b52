/* SPDX-License-Identifier: GPL-2.0-only */
/* Values that a vCPU keeps in registers, to see that they are still there. */
#ifndef GUEST_REGISTERS_H
#define GUEST_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

void registers_fill(uint32_t seed, uint32_t vcpu, bool debug);
bool fpu_same(uint32_t seed, uint32_t vcpu);
bool msrs_same(uint32_t seed, uint32_t vcpu);
bool debug_same(uint32_t seed, uint32_t vcpu);
void tick_keep(uint64_t tick);
uint64_t tick_kept(void);

#endif
