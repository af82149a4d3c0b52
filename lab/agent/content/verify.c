// SPDX-License-Identifier: GPL-2.0-only
/* verify: compares the content of a file with what was written to it. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/bus-guard.h"
#include "common/registry.h"
#include "common/util.h"
#include "content/holes.h"
#include "content/pattern.h"
#include "ops.h"

#define WINDOW (64ull << 20) /* mapped at a time, because page tables use memory, too */
#define SIZE_MAX_BYTES (1ull << 44)
#define LAYERS_MAX 64

struct verdict {
	uint64_t bad;
	struct page_runs runs;
	uint64_t first_page;
	uint32_t offset, want, got;
};

static void verdict_add_page(struct verdict *v, const uint64_t *want, const uint64_t *got,
			     uint64_t number)
{
	const uint32_t *w = (const uint32_t *)want, *g = (const uint32_t *)got;

	if (!v->bad++) {
		v->first_page = number;
		while (v->offset < PAGE - 4 && w[v->offset / 4] == g[v->offset / 4])
			v->offset += 4;
		v->want = w[v->offset / 4];
		v->got = g[v->offset / 4];
	}
	page_runs_add(&v->runs, number);
}

/*
 * Pages that were written again later, with another pattern. size is the size of the file at
 * that time.
 */
struct layer {
	struct pattern pattern;
	struct run run;
	uint64_t size;
};

struct layers {
	struct layer *at;
	size_t len;
};

struct verify_run {
	struct pattern pattern;
	struct layers layers;
	const struct holes *holes;
	size_t hole; /* the first that does not end before the current page */
	uint64_t size;
	struct verdict verdict;
};

/* The last write to a page counts. */
static const struct layer *verify_layer_of(const struct verify_run *c, uint64_t number)
{
	for (size_t i = c->layers.len; i-- > 0;)
		if (c->layers.at[i].run.first <= number &&
		    number - c->layers.at[i].run.first < c->layers.at[i].run.count)
			return &c->layers.at[i];
	return NULL;
}

static void verify_page(struct verify_run *c, const uint64_t *got, uint64_t number)
{
	static const uint64_t zero[PAIRS];
	uint64_t left = c->size > number * PAGE ? c->size - number * PAGE : 0, want[PAIRS];
	const struct layer *layer = verify_layer_of(c, number);
	const struct pattern *p = layer ? &layer->pattern : &c->pattern;
	const struct holes *h = c->holes;

	if (layer && layer->size - number * PAGE < left)
		left = layer->size - number * PAGE;
	while (c->hole < h->len && h->at[c->hole].first + h->at[c->hole].count <= number)
		c->hole++;
	if (!left || (c->hole < h->len && h->at[c->hole].first <= number)) {
		if (!page_is_zero(got))
			verdict_add_page(&c->verdict, zero, got, number);
		return;
	}
	if (left >= PAGE && pattern_same(p, got, number))
		return;
	pattern_page(p, want, number, left < PAGE ? (uint32_t)left : PAGE);
	if (memcmp(want, got, PAGE))
		verdict_add_page(&c->verdict, want, got, number);
}

/*
 * Pages that are not there. They are right where a hole is expected, or beyond the end of the
 * file. This does not touch the file.
 */
static void verify_absent(struct verify_run *c, uint64_t number, uint64_t end)
{
	static const uint64_t zero[PAIRS];
	const struct holes *h = c->holes;

	while (number < end) {
		const struct run *hole = c->hole < h->len ? &h->at[c->hole] : NULL;

		if (hole && hole->first <= number && hole->first + hole->count > number)
			number = hole->first + hole->count < end ? hole->first + hole->count : end;
		else
			verify_page(c, zero, number++);
	}
}

struct verify_window {
	struct verify_run *check;
	const uint64_t *map;
	uint64_t first, pages;
};

static void verify_window_guarded(void *arg)
{
	const struct verify_window *w = arg;

	for (uint64_t i = 0; i < w->pages; i++)
		verify_page(w->check, w->map + i * PAIRS, w->first + i);
}

/* Compares one window through a mapping. */
static bool verify_window(struct request *r, int fd, struct verify_run *c, uint64_t first,
			  uint64_t pages)
{
	uint64_t *map = mmap(NULL, pages * PAGE, PROT_READ, MAP_PRIVATE, fd, (off_t)(first * PAGE));
	struct verify_window w = { c, map, first, pages };

	if (map == MAP_FAILED)
		return fail_errno(r, errno, "mmap");
	madvise(map, pages * PAGE, MADV_POPULATE_READ);
	if (!bus_guarded(verify_window_guarded, &w))
		fail_errno(r, EIO, "SIGBUS in pages %llu+%llu", (unsigned long long)first,
			   (unsigned long long)pages);
	munmap(map, pages * PAGE);
	return !r->error;
}

/* Looks only at pages that are there: reading a hole through a mapping would fill it. */
static bool verify_file(struct request *r, int fd, struct verify_run *c, uint64_t file_size)
{
	uint64_t at = 0, first, count, checked = 0, end = PAGES_OF(c->size);
	int more, view = file_view(fd);

	if (view < 0)
		return fail_errno(r, errno, "open once more");

	while ((more = file_next_data(view, file_size, &at, &first, &count)) > 0 && first < end) {
		if (count > end - first)
			count = end - first;
		verify_absent(c, checked, first);
		checked = first + count;
		while (count) {
			uint64_t pages = count < WINDOW / PAGE ? count : WINDOW / PAGE;

			if (!verify_window(r, fd, c, first, pages)) {
				close(view);
				return false;
			}
			first += pages;
			count -= pages;
			wire_progress(r, first);
		}
	}
	if (more < 0)
		fail_errno(r, errno, "SEEK_DATA");
	close(view);
	if (r->error)
		return false;
	verify_absent(c, checked, end);
	return true;
}

static void verdict_put(struct request *r, const struct verdict *v)
{
	put_u64(r, "bad", v->bad);
	put_raw(r, "firstBad");
	if (v->bad) {
		text_str(r->body, "{\"page\":");
		text_u64(r->body, v->first_page);
		put_u64(r, "offset", v->offset);
		put_u64(r, "want", v->want);
		put_u64(r, "got", v->got);
		text_str(r->body, "}");
	} else {
		text_str(r->body, "null");
	}
	put_page_runs(r, "ranges", &v->runs);
}

/* Reads written=first+count+seed+size,... in the order of the writes. */
static bool layers_parse(struct request *r, uint64_t pages, struct layers *layers)
{
	const char *at = request_get(r, "written");
	uint64_t n[4];

	*layers = (struct layers){ 0 };
	if (!at || !*at)
		return true;
	layers->at = calloc(LAYERS_MAX, sizeof(struct layer));
	if (!layers->at)
		_exit(12);
	while (*at) {
		const char *end = at + strcspn(at, ","), *part = at;
		bool ok = layers->len < LAYERS_MAX && !(*end && !end[1]);

		for (int i = 0; ok && i < 4; i++) {
			const char *stop = i < 3 ? memchr(part, '+', (size_t)(end - part)) : end;

			ok = stop &&
			     parse_decimal(part, stop, i == 2 ? UINT32_MAX : SIZE_MAX_BYTES, &n[i]);
			part = stop ? stop + 1 : part;
		}
		if (!ok || !n[1] || n[0] >= pages || n[1] > pages - n[0] ||
		    n[3] <= (n[0] + n[1] - 1) * PAGE)
			return fail_request(r, "expected up to %d first+count+seed+size: %.80s",
					    LAYERS_MAX, at);
		layers->at[layers->len] = (struct layer){ .run = { n[0], n[1] }, .size = n[3] };
		pattern_init(&layers->at[layers->len++].pattern, (uint32_t)n[2]);
		at = *end ? end + 1 : end;
	}
	return true;
}

/**
 * op_verify() - Operation verify: compare the content of a file.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_verify(struct request *r)
{
	const char *name = request_get(r, "file");
	struct verify_run c = { 0 };
	struct holes holes;
	uint64_t size;
	uint32_t seed = 0;
	int fd = registry_get(&files, name);

	if (fd < 0)
		return fail_handle(r, "file", name);
	if (content_keys(r, &c.size, &seed, &holes) &&
	    layers_parse(r, PAGES_OF(c.size), &c.layers)) {
		c.holes = &holes;
		pattern_init(&c.pattern, seed);
		if (file_size(fd, &size)) {
			fail_errno(r, errno, "size");
		} else if (verify_file(r, fd, &c, size)) {
			put_u64(r, "pages", PAGES_OF(c.size));
			verdict_put(r, &c.verdict);
		}
	}
	free(c.layers.at);
	free(holes.at);
	return !r->error;
}
