/* SPDX-License-Identifier: GPL-2.0-only */
/* The MP table, which tells a Linux guest about its processors. */
#ifndef AGENT_GUEST_MPTABLE_H
#define AGENT_GUEST_MPTABLE_H

#include <stdint.h>

#define MPTABLE_AT 0x9fc00 /* the last KiB of base memory, where Linux looks for it */
#define MPTABLE_BYTES 0x400

void mptable_write(uint8_t *to, unsigned int vcpus);

#endif
