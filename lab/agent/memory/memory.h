/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory of the machine: how much there is, and in pages of which size. */
#ifndef AGENT_MEMORY_H
#define AGENT_MEMORY_H

#include "wire/wire.h"

void memory_allow_huge(void);
uint64_t memory_huge_kb(void *from, size_t len);
bool memory_room_for(struct request *r, uint64_t pages);

#endif
