// SPDX-License-Identifier: GPL-2.0-only
/* Fills files with the pattern. */
#define _GNU_SOURCE
#include "content/fill.h"

#include <errno.h>
#include <unistd.h>

#define CHUNK_PAGES 64u /* filled while in the cache, then written */

/**
 * fill_by_write() - Write pages of the pattern into a file.
 * @r: the request
 * @fd: the file
 * @p: the pattern
 * @size: size of the file in bytes
 * @first: number of the first page
 * @count: how many
 *
 * Whole pages go through write(), so that the kernel need not clear them first.
 *
 * Return: true, or false after the request has failed
 */
bool fill_by_write(struct request *r, int fd, const struct pattern *p, uint64_t size,
		   uint64_t first, uint64_t count)
{
	static uint64_t chunk[CHUNK_PAGES * PAIRS];

	while (count) {
		uint64_t pages = count < CHUNK_PAGES ? count : CHUNK_PAGES;
		uint64_t offset = first * PAGE, len = pages * PAGE, done = 0;

		if (offset + len > size)
			len = size - offset;
		pattern_fill(p, chunk, first, pages);
		while (done < len) {
			ssize_t n = pwrite(fd, (char *)chunk + done, len - done,
					   (off_t)(offset + done));

			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0)
				return fail_errno(r, n ? errno : EIO, "filling at byte %llu",
						  (unsigned long long)(offset + done));
			done += (uint64_t)n;
		}
		first += pages;
		count -= pages;
		wire_progress(r, first);
	}
	return true;
}
