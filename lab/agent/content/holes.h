/* SPDX-License-Identifier: GPL-2.0-only */
/* The keys that say what a file holds: size, seed and holes. */
#ifndef AGENT_HOLES_H
#define AGENT_HOLES_H

#include "content/page-runs.h"

struct holes {
	struct run *at;
	size_t len;
};

bool content_keys(struct request *r, uint64_t *size, uint32_t *seed, struct holes *holes);

#endif
