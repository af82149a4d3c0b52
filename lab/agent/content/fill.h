/* SPDX-License-Identifier: GPL-2.0-only */
/* Fills files with the pattern. */
#ifndef AGENT_FILL_H
#define AGENT_FILL_H

#include "content/pattern.h"
#include "wire/wire.h"

bool fill_by_write(struct request *r, int fd, const struct pattern *p, uint64_t size,
		   uint64_t first, uint64_t count);

#endif
