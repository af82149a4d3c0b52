/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef AGENT_GUEST_MPTABLE_H
#define AGENT_GUEST_MPTABLE_H

#include <stdint.h>

#define MPTABLE_AT 0x9fc00 /* the last KiB of base memory, where Linux looks for it */
#define MPTABLE_BYTES 0x400

/* MultiProcessor Specification 1.4: so many processors, an ISA bus, one IOAPIC with the ISA's interrupts. */
void mptable_write(uint8_t *to, unsigned vcpus);

#endif
