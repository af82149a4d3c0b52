// SPDX-License-Identifier: GPL-2.0-only
/*
 * Collects page numbers as runs, up to a limit. Pages beyond it are counted elsewhere and not
 * listed.
 */
#include "content/page-runs.h"

/**
 * page_runs_add() - Add a page; pages come in rising order.
 * @runs: the runs
 * @page: its number
 */
void page_runs_add(struct page_runs *runs, uint64_t page)
{
	struct run *last = runs->count ? &runs->at[runs->count - 1] : NULL;

	if (last && last->first + last->count == page)
		last->count++;
	else if (runs->count < PAGE_RUNS)
		runs->at[runs->count++] = (struct run){ page, 1 };
}

/**
 * put_page_runs() - Add runs to the reply as a list of [first,count].
 * @r: the request
 * @key: name of the member
 * @runs: the runs
 */
void put_page_runs(struct request *r, const char *key, const struct page_runs *runs)
{
	put_raw(r, key);
	text_str(r->body, "[");
	for (unsigned int i = 0; i < runs->count; i++) {
		text_str(r->body, i ? ",[" : "[");
		text_u64(r->body, runs->at[i].first);
		text_str(r->body, ",");
		text_u64(r->body, runs->at[i].count);
		text_str(r->body, "]");
	}
	text_str(r->body, "]");
}
