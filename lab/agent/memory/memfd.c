// SPDX-License-Identifier: GPL-2.0-only
/* memfd: makes a file in memory and fills it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/bus-guard.h"
#include "common/registry.h"
#include "common/util.h"
#include "compat.h"
#include "content/fill.h"
#include "content/holes.h"
#include "memory/memory.h"
#include "memory/seals.h"
#include "ops.h"

#define HUGE_BYTES (2ull << 20)
#define WINDOW (64ull << 20) /* mapped at a time, because page tables use memory, too */

/*
 * Flags of memfd_create() that a request can set. A file with hugetlb has no write(), and its
 * size is a multiple of a huge page.
 */
static const struct {
	const char *key;
	unsigned int flag;
} memfd_flags[] = {
	{ "noexec", MFD_NOEXEC_SEAL }, { "exec", MFD_EXEC }, { "hugetlb", MFD_HUGETLB },
};

struct memfd_touched {
	const struct pattern *pattern;
	char *at;
	uint64_t first, pages, end; /* end: how many bytes from at on belong to the file */
};

static void memfd_touch(void *arg)
{
	const struct memfd_touched *t = arg;

	pattern_fill(t->pattern, (uint64_t *)t->at, t->first, t->pages);
	if (t->end < t->pages * PAGE)
		memset(t->at + t->end, 0, t->pages * PAGE - t->end);
}

/*
 * Fills through a mapping of nothing but the pages to fill. Where a hole shares 2 MiB with
 * content, the kernel then takes small pages, and the hole stays a hole.
 */
static bool memfd_fill_huge(struct request *r, int fd, const struct pattern *p, uint64_t size,
			    struct run run, uint64_t *kb)
{
	uint64_t from = run.first * PAGE, end = (run.first + run.count) * PAGE;

	while (from < end) {
		uint64_t base = from & ~(HUGE_BYTES - 1),
			 stop = base + WINDOW < end ? base + WINDOW : end;
		char *space = mmap(NULL, WINDOW + HUGE_BYTES, PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
		     *at;
		struct memfd_touched t;
		bool whole;

		if (space == MAP_FAILED)
			return fail_errno(r, errno, "mmap");
		/* Huge entries need an address and an offset that are equal modulo 2 MiB. */
		at = (char *)(((uintptr_t)space + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1)) +
		     (from - base);
		if (mmap(at, stop - from, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
			 (off_t)from) == MAP_FAILED) {
			int err = errno;

			munmap(space, WINDOW + HUGE_BYTES);
			return fail_errno(r, err, "mmap");
		}
		madvise(at, stop - from, MADV_HUGEPAGE);
		t = (struct memfd_touched){ p, at, from / PAGE, (stop - from) / PAGE,
					    (stop > size ? size : stop) - from };
		whole = bus_guarded(memfd_touch, &t);
		*kb += memory_huge_kb(at, stop - from);
		munmap(space, WINDOW + HUGE_BYTES);
		if (!whole)
			return fail_errno(r, ENOMEM, "SIGBUS while filling at byte %llu",
					  (unsigned long long)from);
		from = stop;
		wire_progress(r, from / PAGE);
	}
	return true;
}

static bool memfd_fill(struct request *r, int fd, const struct holes *holes, uint64_t size,
		       uint32_t seed, bool huge)
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

		if (run.count && !(huge ? memfd_fill_huge(r, fd, &p, size, run, &kb) :
					  fill_by_write(r, fd, &p, size, run.first, run.count)))
			return false;
		if (i < holes->len)
			page = end + holes->at[i].count;
	}
	put_u64(r, "hugeKb", kb);
	return true;
}

static bool memfd_make(struct request *r, const struct holes *holes, uint64_t size, uint32_t seed)
{
	const char *name = request_get(r, "file");
	uint64_t pos = 0, huge = 0, wanted;
	unsigned int seals, flags = MFD_CLOEXEC;
	int fd;

	if (!parse_seals(r, &seals) || !request_number(r, "pos", INT64_MAX, &pos) ||
	    !request_number(r, "huge", 1, &huge))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(memfd_flags); i++) {
		wanted = 0;
		if (!request_number(r, memfd_flags[i].key, 1, &wanted))
			return false;
		flags |= wanted ? memfd_flags[i].flag : 0;
	}
	/*
	 * Without MFD_ALLOW_SEALING a memfd is born with F_SEAL_SEAL. Most programs make theirs
	 * this way.
	 */
	fd = memfd_create(name, flags | (seals ? MFD_ALLOW_SEALING : 0));
	if (fd < 0)
		return fail_errno(r, errno, "memfd_create");
	if (ftruncate(fd, (off_t)size))
		fail_errno(r, errno, "ftruncate");
	else if (!memfd_fill(r, fd, holes, size, seed, huge || flags & MFD_HUGETLB))
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

/**
 * op_memfd() - Operation memfd: make a file in memory and fill it.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_memfd(struct request *r)
{
	const char *name = request_get(r, "file");
	struct holes holes;
	uint64_t size = 0;
	uint32_t seed = 0;
	bool ok;

	if (registry_get(&files, name) >= 0)
		return fail_request(r, "there is a file %.80s already", name);
	ok = content_keys(r, &size, &seed, &holes) && memfd_make(r, &holes, size, seed);
	free(holes.at);
	return ok;
}
