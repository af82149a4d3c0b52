/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The content that files are filled with. docs/agent-protocol.md, "Content pattern", defines
 * it.
 */
#ifndef AGENT_PATTERN_H
#define AGENT_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/util.h"

#define PAIRS (PAGE / 8) /* the tag repeats every 64 bits, so two words are handled at a time */

struct pattern {
	uint64_t base[PAIRS];
	uint32_t seed;
};

void pattern_init(struct pattern *p, uint32_t seed);
void pattern_fill(const struct pattern *p, uint64_t *to, uint64_t first_page, uint64_t pages);
bool pattern_same(const struct pattern *p, const uint64_t *page, uint64_t number);
bool page_is_zero(const uint64_t *page);
void pattern_page(const struct pattern *p, uint64_t *to, uint64_t number, uint32_t len);

#endif
