// SPDX-License-Identifier: GPL-2.0-only
/*
 * pfns: which physical page holds which page of a file. The lab needs it to look at these pages
 * from outside.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ops.h"
#include "common/registry.h"
#include "common/util.h"

#define WINDOW_PAGES 16384u
#define PRESENT (1ull << 63)
#define PFN_MASK ((1ull << 55) - 1)

struct pfn_run {
	uint64_t page, pfn, count;
};

static void pfn_run_put(struct request *r, const struct pfn_run *run, bool *begun)
{
	text_str(r->body, *begun ? ",[" : "[");
	*begun = true;
	text_u64(r->body, run->page);
	text_str(r->body, ",");
	text_u64(r->body, run->pfn);
	text_str(r->body, ",");
	text_u64(r->body, run->count);
	text_str(r->body, "]");
}

/*
 * Looks up one window of data pages. Reading populates the mapping: the pages are there, so
 * nothing is allocated.
 */
static bool pfn_look_up(struct request *r, int fd, int pagemap, uint64_t first, uint64_t count,
			uint64_t *entries, struct pfn_run *run, bool *begun)
{
	char *map = mmap(NULL, count * PAGE, PROT_READ, MAP_PRIVATE, fd, (off_t)(first * PAGE));
	bool ok = true;

	if (map == MAP_FAILED)
		return fail_errno(r, errno, "mmap");
	if (madvise(map, count * PAGE, MADV_POPULATE_READ))
		ok = fail_errno(r, errno, "MADV_POPULATE_READ");
	else if (pread(pagemap, entries, count * 8, (off_t)((uintptr_t)map / PAGE * 8)) !=
		 (ssize_t)(count * 8))
		ok = fail_errno(r, errno ? errno : EIO, "read /proc/self/pagemap");
	for (uint64_t i = 0; ok && i < count; i++) {
		uint64_t pfn = entries[i] & PFN_MASK;

		if (!(entries[i] & PRESENT))
			continue;
		if (!pfn) {
			ok = fail_errno(r, EPERM, "/proc/self/pagemap hides page frames");
			break;
		}
		if (run->count && run->page + run->count == first + i &&
		    run->pfn + run->count == pfn) {
			run->count++;
			continue;
		}
		if (run->count)
			pfn_run_put(r, run, begun);
		*run = (struct pfn_run){ first + i, pfn, 1 };
	}
	munmap(map, count * PAGE);
	return ok;
}

/**
 * op_pfns() - Operation pfns: report which physical pages hold a file.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_pfns(struct request *r)
{
	const char *name = request_get(r, "file");
	int fd = registry_get(&files, name), pagemap, view, more = 0;
	uint64_t at = 0, first, count, *entries;
	struct pfn_run run = { 0 };
	bool begun = false;
	size_t start = r->body->len;
	uint64_t size;

	if (fd < 0)
		return fail_handle(r, "file", name);
	if (file_size(fd, &size))
		return fail_errno(r, errno, "size");
	pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (pagemap < 0)
		return fail_errno(r, errno, "open /proc/self/pagemap");
	view = file_view(fd);
	if (view < 0) {
		close(pagemap);
		return fail_errno(r, errno, "open once more");
	}
	entries = malloc(WINDOW_PAGES * 8);
	if (!entries)
		_exit(12);
	put_raw(r, "runs");
	text_str(r->body, "[");
	while (!r->error && (more = file_next_data(view, size, &at, &first, &count)) > 0) {
		while (count && !r->error) {
			uint64_t pages = count < WINDOW_PAGES ? count : WINDOW_PAGES;

			pfn_look_up(r, fd, pagemap, first, pages, entries, &run, &begun);
			first += pages;
			count -= pages;
			wire_progress(r, first);
		}
	}
	if (more < 0)
		fail_errno(r, errno, "SEEK_DATA");
	if (run.count)
		pfn_run_put(r, &run, &begun);
	text_str(r->body, "]");
	close(view);
	free(entries);
	close(pagemap);
	if (r->error)
		r->body->len = start;
	return !r->error;
}
