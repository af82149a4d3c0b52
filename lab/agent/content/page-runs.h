/* SPDX-License-Identifier: GPL-2.0-only */
/* Pages one by one to runs, bounded: what goes beyond the room is counted elsewhere and not listed. */
#ifndef AGENT_PAGE_RUNS_H
#define AGENT_PAGE_RUNS_H

#include "wire/wire.h"

#define PAGE_RUNS 64

struct run {
	uint64_t first, count;
};

struct page_runs {
	struct run at[PAGE_RUNS];
	unsigned count;
};

/* In rising order. */
void page_runs_add(struct page_runs *runs, uint64_t page);
/* A list of [first,count]. */
void put_page_runs(struct request *r, const char *key, const struct page_runs *runs);

#endif
