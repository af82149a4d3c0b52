// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
/* verify: compares the content of a file with what was written. */
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

#define WINDOW (64ull << 20) /* mapped at once: page tables are memory, too */
#define SIZE_MAX_BYTES (1ull << 44)
#define LAYERS_MAX 64

struct verdict {
	uint64_t bad;
	struct page_runs runs;
	uint64_t first_page;
	uint32_t offset, want, got;
};

static void bad_page(struct verdict *v, const uint64_t *want, const uint64_t *got, uint64_t number)
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

/* Pages that were written over later, with a pattern of their own; size: where the file ended then. */
struct layer {
	struct pattern pattern;
	struct run run;
	uint64_t size;
};

struct layers {
	struct layer *at;
	size_t len;
};

struct check {
	struct pattern pattern;
	struct layers layers;
	const struct holes *holes;
	size_t hole; /* the first that does not end before the page looked at */
	uint64_t size;
	struct verdict verdict;
};

/* The last one that was written wins. */
static const struct layer *layer_of(const struct check *c, uint64_t number)
{
	for (size_t i = c->layers.len; i-- > 0;)
		if (c->layers.at[i].run.first <= number && number - c->layers.at[i].run.first < c->layers.at[i].run.count)
			return &c->layers.at[i];
	return NULL;
}

static void check_page(struct check *c, const uint64_t *got, uint64_t number)
{
	static const uint64_t zero[PAIRS];
	uint64_t left = c->size > number * PAGE ? c->size - number * PAGE : 0, want[PAIRS];
	const struct layer *layer = layer_of(c, number);
	const struct pattern *p = layer ? &layer->pattern : &c->pattern;
	const struct holes *h = c->holes;

	if (layer && layer->size - number * PAGE < left)
		left = layer->size - number * PAGE;
	while (c->hole < h->len && h->at[c->hole].first + h->at[c->hole].count <= number)
		c->hole++;
	if (!left || (c->hole < h->len && h->at[c->hole].first <= number)) {
		if (!page_is_zero(got))
			bad_page(&c->verdict, zero, got, number);
		return;
	}
	if (left >= PAGE && pattern_same(p, got, number))
		return;
	pattern_page(p, want, number, left < PAGE ? (uint32_t)left : PAGE);
	if (memcmp(want, got, PAGE))
		bad_page(&c->verdict, want, got, number);
}

/* Pages that are not there: zero, where a hole or anything beyond the file is wanted. Asked without touching the file. */
static void check_absent(struct check *c, uint64_t number, uint64_t end)
{
	static const uint64_t zero[PAIRS];
	const struct holes *h = c->holes;

	while (number < end) {
		const struct run *hole = c->hole < h->len ? &h->at[c->hole] : NULL;

		if (hole && hole->first <= number && hole->first + hole->count > number)
			number = hole->first + hole->count < end ? hole->first + hole->count : end;
		else
			check_page(c, zero, number++);
	}
}

struct window {
	struct check *check;
	const uint64_t *map;
	uint64_t first, pages;
};

static void check_window(void *arg)
{
	const struct window *w = arg;

	for (uint64_t i = 0; i < w->pages; i++)
		check_page(w->check, w->map + i * PAIRS, w->first + i);
}

/* One window through a mapping. */
static bool compare_window(struct request *r, int fd, struct check *c, uint64_t first, uint64_t pages)
{
	uint64_t *map = mmap(NULL, pages * PAGE, PROT_READ, MAP_PRIVATE, fd, (off_t)(first * PAGE));
	struct window w = { c, map, first, pages };

	if (map == MAP_FAILED)
		return fail_errno(r, errno, "mmap");
	madvise(map, pages * PAGE, MADV_POPULATE_READ);
	if (!bus_guarded(check_window, &w))
		fail_errno(r, EIO, "SIGBUS in pages %llu+%llu", (unsigned long long)first, (unsigned long long)pages);
	munmap(map, pages * PAGE);
	return !r->error;
}

/* Looks at the data there is; reading a hole through a mapping would fill it. */
static bool compare(struct request *r, int fd, struct check *c, uint64_t file_size)
{
	uint64_t at = 0, first, count, checked = 0, end = PAGES_OF(c->size);
	int more;

	while ((more = next_data(fd, file_size, &at, &first, &count)) > 0 && first < end) {
		if (count > end - first)
			count = end - first;
		check_absent(c, checked, first);
		checked = first + count;
		while (count) {
			uint64_t pages = count < WINDOW / PAGE ? count : WINDOW / PAGE;

			if (!compare_window(r, fd, c, first, pages))
				return false;
			first += pages;
			count -= pages;
			wire_progress(r, first);
		}
	}
	if (more < 0)
		return fail_errno(r, errno, "SEEK_DATA");
	check_absent(c, checked, end);
	return true;
}

static void put_verdict(struct request *r, const struct verdict *v)
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

/* written=first+count+seed+size,... in the order of the writes. */
static bool parse_layers(struct request *r, uint64_t pages, struct layers *layers)
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

			ok = stop && parse_decimal(part, stop, i == 2 ? UINT32_MAX : SIZE_MAX_BYTES, &n[i]);
			part = stop ? stop + 1 : part;
		}
		if (!ok || !n[1] || n[0] >= pages || n[1] > pages - n[0] || n[3] <= (n[0] + n[1] - 1) * PAGE)
			return fail_request(r, "written is at most %d of first+count+seed+size, within the file: %.80s", LAYERS_MAX, at);
		layers->at[layers->len] = (struct layer){ .run = { n[0], n[1] }, .size = n[3] };
		pattern_init(&layers->at[layers->len++].pattern, (uint32_t)n[2]);
		at = *end ? end + 1 : end;
	}
	return true;
}

bool op_verify(struct request *r)
{
	const char *name = request_get(r, "file");
	struct check c = { 0 };
	struct holes holes;
	uint64_t size;
	uint32_t seed = 0;
	off_t pos;
	int fd = registry_get(&files, name);

	if (fd < 0)
		return fail_handle(r, "file", name);
	if (content_keys(r, &c.size, &seed, &holes) && parse_layers(r, PAGES_OF(c.size), &c.layers)) {
		c.holes = &holes;
		pattern_init(&c.pattern, seed);
		pos = lseek(fd, 0, SEEK_CUR);
		if (file_size(fd, &size))
			fail_errno(r, errno, "size");
		else if (compare(r, fd, &c, size)) {
			put_u64(r, "pages", PAGES_OF(c.size));
			put_verdict(r, &c.verdict);
		}
		lseek(fd, pos, SEEK_SET);
	}
	free(c.layers.at);
	free(holes.at);
	return !r->error;
}
