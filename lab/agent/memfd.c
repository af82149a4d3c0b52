// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
/* Files in memory: made, filled, looked at, compared. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus-guard.h"
#include "fill.h"
#include "memory.h"
#include "ops.h"
#include "page-runs.h"
#include "pattern.h"
#include "registry.h"
#include "seals.h"
#include "util.h"

#define HUGE_BYTES (2ull << 20)
#define WINDOW (64ull << 20)  /* mapped at once: page tables are memory, too */
#define SIZE_MAX_BYTES (1ull << 44)
#define LAYERS_MAX 64

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#define MFD_EXEC 0x0010U
#endif

/* May there be huge pages of the kernel's own pool in it? Such a file has no write(), and its size counts in huge pages. */
static const struct {
	const char *key;
	unsigned flag;
} memfd_flags[] = {
	{ "noexec", MFD_NOEXEC_SEAL }, { "exec", MFD_EXEC }, { "hugetlb", MFD_HUGETLB },
};

/* ---- page runs ---- */

struct runs {
	struct run *at;
	size_t len;
};

static int by_first(const void *a, const void *b)
{
	uint64_t x = ((const struct run *)a)->first, y = ((const struct run *)b)->first;

	return x < y ? -1 : x > y;
}

/* holes=first+count,... sorted; they may not overlap or go beyond the file. */
static bool parse_holes(struct request *r, uint64_t pages, struct runs *holes)
{
	const char *at = request_get(r, "holes");
	size_t room = 0;

	*holes = (struct runs){ 0 };
	while (at && *at) {
		const char *end = at + strcspn(at, ","), *plus = memchr(at, '+', (size_t)(end - at));
		struct run run;

		if (!plus || !parse_decimal(at, plus, UINT64_MAX, &run.first) || !parse_decimal(plus + 1, end, UINT64_MAX, &run.count) ||
		    !run.count || (*end && !end[1]))
			return fail_request(r, "holes are first+count,...: %.80s", at);
		if (run.first >= pages || run.count > pages - run.first)
			return fail_request(r, "a hole beyond the end of %llu pages: %.80s", (unsigned long long)pages, at);
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
		qsort(holes->at, holes->len, sizeof(struct run), by_first);
	for (size_t i = 1; i < holes->len; i++)
		if (holes->at[i].first < holes->at[i - 1].first + holes->at[i - 1].count)
			return fail_request(r, "holes overlap at page %llu", (unsigned long long)holes->at[i].first);
	return true;
}

/* ---- memfd ---- */

struct touched {
	const struct pattern *pattern;
	char *at;
	uint64_t first, pages, end; /* end: bytes from at that belong to the file */
};

static void touch(void *arg)
{
	const struct touched *t = arg;

	pattern_fill(t->pattern, (uint64_t *)t->at, t->first, t->pages);
	if (t->end < t->pages * PAGE)
		memset(t->at + t->end, 0, t->pages * PAGE - t->end);
}

/*
 * Through a mapping that covers nothing but what is to be filled: where a hole shares 2 MiB with content, the kernel then takes
 * small pages and the hole stays one.
 */
static bool fill_huge(struct request *r, int fd, const struct pattern *p, uint64_t size, struct run run, uint64_t *kb)
{
	uint64_t from = run.first * PAGE, end = (run.first + run.count) * PAGE;

	while (from < end) {
		uint64_t base = from & ~(HUGE_BYTES - 1), stop = base + WINDOW < end ? base + WINDOW : end;
		char *space = mmap(NULL, WINDOW + HUGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), *at;
		struct touched t;
		bool whole;

		if (space == MAP_FAILED)
			return fail_errno(r, errno, "mmap");
		/* Huge entries need address and offset to agree modulo 2 MiB. */
		at = (char *)(((uintptr_t)space + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1)) + (from - base);
		if (mmap(at, stop - from, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, (off_t)from) == MAP_FAILED) {
			int err = errno;

			munmap(space, WINDOW + HUGE_BYTES);
			return fail_errno(r, err, "mmap");
		}
		madvise(at, stop - from, MADV_HUGEPAGE);
		t = (struct touched){ p, at, from / PAGE, (stop - from) / PAGE, (stop > size ? size : stop) - from };
		whole = bus_guarded(touch, &t);
		*kb += memory_huge_kb(at, stop - from);
		munmap(space, WINDOW + HUGE_BYTES);
		if (!whole)
			return fail_errno(r, ENOMEM, "SIGBUS while filling at byte %llu", (unsigned long long)from);
		from = stop;
		wire_progress(r, from / PAGE);
	}
	return true;
}

static bool fill(struct request *r, int fd, const struct runs *holes, uint64_t size, uint32_t seed, bool huge)
{
	uint64_t pages = PAGES_OF(size), page = 0, kb = 0, wanted = pages;
	struct pattern p;

	for (size_t i = 0; i < holes->len; i++)
		wanted -= holes->at[i].count;
	if (!memory_room_for(r, wanted))
		return false;
	if (huge)
		memory_allow_huge();
	pattern_init(&p, seed);
	for (size_t i = 0; i <= holes->len; i++) {
		uint64_t end = i < holes->len ? holes->at[i].first : pages;
		struct run run = { page, end - page };

		if (run.count && !(huge ? fill_huge(r, fd, &p, size, run, &kb) : fill_by_write(r, fd, &p, size, run.first, run.count)))
			return false;
		if (i < holes->len)
			page = end + holes->at[i].count;
	}
	put_u64(r, "hugeKb", kb);
	return true;
}

static bool make(struct request *r, const struct runs *holes, uint64_t size, uint32_t seed)
{
	const char *name = request_get(r, "file");
	uint64_t pos = 0, huge = 0, wanted;
	unsigned seals, flags = MFD_CLOEXEC;
	int fd;

	if (!parse_seals(r, &seals) || !request_number(r, "pos", INT64_MAX, &pos) || !request_number(r, "huge", 1, &huge))
		return false;
	for (size_t i = 0; i < sizeof(memfd_flags) / sizeof(memfd_flags[0]); i++) {
		wanted = 0;
		if (!request_number(r, memfd_flags[i].key, 1, &wanted))
			return false;
		flags |= wanted ? memfd_flags[i].flag : 0;
	}
	/* Without MFD_ALLOW_SEALING a memfd is born with F_SEAL_SEAL, as most programs have theirs. */
	fd = memfd_create(name, flags | (seals ? MFD_ALLOW_SEALING : 0));
	if (fd < 0)
		return fail_errno(r, errno, "memfd_create");
	if (ftruncate(fd, (off_t)size))
		fail_errno(r, errno, "ftruncate");
	else if (!fill(r, fd, holes, size, seed, huge || flags & MFD_HUGETLB))
		(void)0;
	else if (pos && lseek(fd, (off_t)pos, SEEK_SET) < 0)
		fail_errno(r, errno, "lseek");
	else if (seals && fcntl(fd, F_ADD_SEALS, seals))
		fail_errno(r, errno, "F_ADD_SEALS");
	if (r->error) {
		close(fd);
		return false;
	}
	registry_put(&files, name, fd);
	return true;
}

static bool content_keys(struct request *r, uint64_t *size, uint32_t *seed, struct runs *holes)
{
	uint64_t number = 0;

	*holes = (struct runs){ 0 };
	if (!request_number(r, "size", SIZE_MAX_BYTES, size) || !request_number(r, "seed", UINT32_MAX, &number))
		return false;
	*seed = (uint32_t)number;
	return parse_holes(r, PAGES_OF(*size), holes);
}

bool op_memfd(struct request *r)
{
	const char *name = request_get(r, "file");
	struct runs holes;
	uint64_t size = 0;
	uint32_t seed = 0;
	bool ok;

	if (registry_get(&files, name) >= 0)
		return fail_request(r, "there is a file %.80s already", name);
	ok = content_keys(r, &size, &seed, &holes) && make(r, &holes, size, seed);
	free(holes.at);
	return ok;
}

/* ---- stat ---- */

/* What may be done through this descriptor. */
static const char *access_of(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return "";
	return (flags & O_ACCMODE) == O_RDONLY ? "r" : (flags & O_ACCMODE) == O_WRONLY ? "w" : "rw";
}

bool op_stat(struct request *r)
{
	const char *name = request_get(r, "file");
	int fd = registry_get(&files, name), seals, more;
	uint64_t at = 0, first, count;
	bool begun = false;
	struct stat st;
	uint64_t size;
	off_t pos;

	if (fd < 0)
		return fail_handle(r, "file", name);
	if (fstat(fd, &st) || file_size(fd, &size))
		return fail_errno(r, errno, "size");
	put_u64(r, "size", size);
	pos = lseek(fd, 0, SEEK_CUR);
	if (pos < 0)
		return fail_errno(r, errno, "lseek");
	put_u64(r, "pos", (uint64_t)pos);
	seals = S_ISREG(st.st_mode) ? fcntl(fd, F_GET_SEALS) : 0; /* only files can be sealed */
	if (seals < 0)
		return fail_errno(r, errno, "F_GET_SEALS");
	put_seals(r, (unsigned)seals);
	put_u64(r, "mode", st.st_mode & 07777);
	put_str(r, "access", access_of(fd));
	put_u64(r, "blocks", (uint64_t)st.st_blocks);
	put_raw(r, "data");
	text_str(r->body, "[");
	begun = false;
	while ((more = next_data(fd, size, &at, &first, &count)) > 0) {
		if (begun)
			text_str(r->body, ",");
		begun = true;
		text_str(r->body, "[");
		text_u64(r->body, first);
		text_str(r->body, ",");
		text_u64(r->body, count);
		text_str(r->body, "]");
	}
	text_str(r->body, "]");
	if (more < 0)
		fail_errno(r, errno, "SEEK_DATA");
	if (lseek(fd, pos, SEEK_SET) < 0) /* looking for data moves the position */
		return fail_errno(r, errno, "lseek");
	return !r->error;
}

/* ---- verify ---- */

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
	const struct runs *holes;
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
	const struct runs *h = c->holes;

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
	const struct runs *h = c->holes;

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
	struct runs holes;
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
