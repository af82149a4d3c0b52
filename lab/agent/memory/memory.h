/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory of the machine: how much there is, and in pages of which size. */
#ifndef AGENT_MEMORY_H
#define AGENT_MEMORY_H

#include "wire/wire.h"

/* Shared memory may have huge pages from now on, where it is asked for (madvise). */
void memory_allow_huge(void);
/* KiB of our mappings of shared memory that are mapped by huge entries. */
uint64_t memory_huge_kb(void *from, size_t len);
/* A wish the machine cannot meet is answered (ENOMEM), not tried: trying ends in the kernel's out-of-memory killer. */
bool memory_room_for(struct request *r, uint64_t pages);

#endif
