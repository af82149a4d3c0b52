// SPDX-License-Identifier: GPL-2.0-only
/* The keys that say what a file holds: size, seed and holes. */
#define _GNU_SOURCE
#include "content/holes.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"

#define SIZE_MAX_BYTES (1ull << 44)

static int run_by_first(const void *a, const void *b)
{
	uint64_t x = ((const struct run *)a)->first, y = ((const struct run *)b)->first;

	return x < y ? -1 : x > y;
}

/*
 * Reads holes=first+count,... and sorts them. Holes must not overlap or reach beyond the file.
 */
static bool holes_parse(struct request *r, uint64_t pages, struct holes *holes)
{
	const char *at = request_get(r, "holes");
	size_t room = 0;

	*holes = (struct holes){ 0 };
	while (at && *at) {
		const char *end = at + strcspn(at, ","),
			   *plus = memchr(at, '+', (size_t)(end - at));
		struct run run;

		if (!plus || !parse_decimal(at, plus, UINT64_MAX, &run.first) ||
		    !parse_decimal(plus + 1, end, UINT64_MAX, &run.count) || !run.count ||
		    (*end && !end[1]))
			return fail_request(r, "holes are first+count,...: %.80s", at);
		if (run.first >= pages || run.count > pages - run.first)
			return fail_request(r, "a hole beyond the end of %llu pages: %.80s",
					    (unsigned long long)pages, at);
		if (holes->len == room) {
			room = room ? room * 2 : 16;
			holes->at = realloc(holes->at, room * sizeof(run));
			if (!holes->at)
				_exit(12);
		}
		holes->at[holes->len++] = run;
		at = *end ? end + 1 : end;
	}
	if (holes->len)
		qsort(holes->at, holes->len, sizeof(struct run), run_by_first);
	for (size_t i = 1; i < holes->len; i++)
		if (holes->at[i].first < holes->at[i - 1].first + holes->at[i - 1].count)
			return fail_request(r, "holes overlap at page %llu",
					    (unsigned long long)holes->at[i].first);
	return true;
}

/**
 * content_keys() - Read the keys size, seed and holes.
 * @r: the request
 * @size: where the size goes, in bytes
 * @seed: where the seed goes
 * @holes: where the holes go; the caller frees holes->at, also after a failure
 *
 * Return: true, or false after the request has failed
 */
bool content_keys(struct request *r, uint64_t *size, uint32_t *seed, struct holes *holes)
{
	uint64_t number = 0;

	*holes = (struct holes){ 0 };
	if (!request_number(r, "size", SIZE_MAX_BYTES, size) ||
	    !request_number(r, "seed", UINT32_MAX, &number))
		return false;
	*seed = (uint32_t)number;
	return holes_parse(r, PAGES_OF(*size), holes);
}
