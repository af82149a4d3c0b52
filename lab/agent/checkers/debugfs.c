// SPDX-License-Identifier: GPL-2.0-only
/* Texts that the kernel writes in debugfs. */
#define _GNU_SOURCE
#include "checkers/debugfs.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/**
 * debugfs_put() - Add the text of a file to the reply.
 * @r: the request
 * @key: name of the member; the member `cut` says whether the text goes on
 * @path: the file
 * @max: most bytes that are taken
 *
 * Return: true, or false after the request has failed
 */
bool debugfs_put(struct request *r, const char *key, const char *path, size_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct text all = { 0 };
	char part[16 * 1024];
	ssize_t n = 0;

	if (fd < 0)
		return fail_errno(r, errno, "open %s", path);
	while (all.len <= max) {
		n = read(fd, part, sizeof(part));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		text_add(&all, part, (size_t)n);
		wire_progress(r, all.len);
	}
	if (n < 0)
		fail_errno(r, errno, "read %s", path);
	close(fd);
	if (!r->error) {
		put_bool(r, "cut", all.len > max);
		if (all.len > max)
			all.len = max;
		text_add(&all, "", 1);
		put_str(r, key, all.at);
	}
	text_free(&all);
	return !r->error;
}
