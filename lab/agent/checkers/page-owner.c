// SPDX-License-Identifier: GPL-2.0-only
/* PAGE_OWNER: who has allocated a page. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "checkers/debugfs.h"
#include "ops.h"
#include "common/util.h"

#define OWNERS "/sys/kernel/debug/page_owner"
#define STACKS "/sys/kernel/debug/page_owner_stacks/show_stacks"
#define THRESHOLD "/sys/kernel/debug/page_owner_stacks/count_threshold"
#define STACKS_MAX (2u << 20)
#define PAGES_MAX 256
#define ORDER_MAX 10u
#define PFN_MAX ((1ull << 40) - 1)

/*
 * The kernel looks for the next allocation from the position on (mm/page_owner.c). A page in the
 * middle of one is found from where that begins.
 */
static ssize_t page_owner_read(int fd, uint64_t pfn, char *to, size_t room)
{
	for (unsigned int shift = 0; shift <= ORDER_MAX; shift++) {
		uint64_t at = pfn >> shift << shift;
		unsigned long long first = 0;
		unsigned int order = 0;
		const char *line;
		ssize_t len;

		/* From position 0 the kernel begins at its first page. */
		if (!at || (shift && at == pfn >> (shift - 1) << (shift - 1)))
			continue;
		len = pread(fd, to, room - 1, (off_t)at);
		if (len <= 0)
			continue;
		to[len] = 0;
		line = strstr(to, "\nPFN 0x");
		if (line && sscanf(line, "\nPFN 0x%llx", &first) == 1 &&
		    sscanf(to, "Page allocated via order %u,", &order) == 1 &&
		    order <= ORDER_MAX && first <= pfn && pfn < first + (1ull << order))
			return len;
	}
	to[0] = 0;
	return 0;
}

/**
 * op_page_owners() - Operation page-owners: report who has allocated pages.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_page_owners(struct request *r)
{
	const char *list = request_get(r, "pfns");
	int fd = open(OWNERS, O_RDONLY | O_CLOEXEC), pages = 0;
	size_t start = r->body->len;
	char record[PAGE];

	if (fd < 0)
		return fail_errno(r, errno, "open " OWNERS);
	/* It exists where the kernel was not told page_owner=on, too. */
	if (pread(fd, record, sizeof(record), 1) < 0)
		fail_errno(r, errno, "read " OWNERS);
	put_raw(r, "owners");
	text_str(r->body, "[");
	while (!r->error && *list) {
		size_t word = strcspn(list, ",");
		uint64_t pfn;

		if (++pages > PAGES_MAX) {
			fail_request(r, "more than %d pages", PAGES_MAX);
		} else if (!parse_decimal(list, list + word, PFN_MAX, &pfn)) {
			fail_request(r, "pfns is no list of page frames");
		} else {
			page_owner_read(fd, pfn, record, sizeof(record));
			if (pages > 1)
				text_str(r->body, ",");
			text_json(r->body, record);
			wire_progress(r, (uint64_t)pages);
		}
		list += word + (list[word] == ',');
	}
	text_str(r->body, "]");
	close(fd);
	if (r->error)
		r->body->len = start;
	return !r->error;
}

/**
 * op_page_stacks() - Operation page-stacks: report how many pages each piece of code has.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_page_stacks(struct request *r)
{
	uint64_t least = 0;
	char text[24];
	int fd, len;

	if (!request_number(r, "least", 1u << 20, &least))
		return false;
	fd = open(THRESHOLD, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(r, errno, "open " THRESHOLD);
	len = snprintf(text, sizeof(text), "%llu", (unsigned long long)least);
	if (write(fd, text, (size_t)len) != len)
		fail_errno(r, errno, "write " THRESHOLD);
	close(fd);
	return !r->error && debugfs_put(r, "stacks", STACKS, STACKS_MAX);
}
