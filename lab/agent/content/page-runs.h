/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page numbers collected as runs, up to a limit. Pages beyond it are counted elsewhere and not
 * listed.
 */
#ifndef AGENT_PAGE_RUNS_H
#define AGENT_PAGE_RUNS_H

#include "wire/wire.h"

#define PAGE_RUNS 64

struct run {
	uint64_t first, count;
};

struct page_runs {
	struct run at[PAGE_RUNS];
	unsigned int count;
};

void page_runs_add(struct page_runs *runs, uint64_t page);
void put_page_runs(struct request *r, const char *key, const struct page_runs *runs);

#endif
