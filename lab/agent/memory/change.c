// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changes to files that exist already, preserved or not. The kernel decides what it allows, and
 * the agent passes on its answer.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ops.h"
#include "content/pattern.h"
#include "common/registry.h"
#include "memory/seals.h"
#include "common/util.h"

#define MOST_PAGES (1ull << 32)

static bool change_get_file(struct request *r, int *fd)
{
	const char *name = request_get(r, "file");

	*fd = registry_get(&files, name);
	return *fd >= 0 || fail_handle(r, "file", name);
}

/**
 * op_write() - Operation write: write pages of the pattern into a file.
 * @r: the request
 *
 * It writes page by page. If the kernel refuses one, the reply still says how many were
 * written.
 *
 * Return: true, or false after the request has failed
 */
bool op_write(struct request *r)
{
	uint64_t seed = 0, first = 0, count = 0, size, done = 0;
	static uint64_t page[PAIRS];
	static struct pattern p;
	int fd;

	if (!change_get_file(r, &fd) || !request_number(r, "seed", UINT32_MAX, &seed) ||
	    !request_number(r, "first", MOST_PAGES, &first) ||
	    !request_number(r, "count", MOST_PAGES, &count))
		return false;
	if (file_size(fd, &size))
		return fail_errno(r, errno, "size");
	pattern_init(&p, (uint32_t)seed);
	for (; done < count; done++) {
		uint64_t at = (first + done) * PAGE, len = PAGE;
		ssize_t n;

		/* A last page that is not full stays so. */
		if (size > at && size - at < PAGE && first + count == PAGES_OF(size))
			len = size - at;
		pattern_fill(&p, page, first + done, 1);
		do
			n = pwrite(fd, page, len, (off_t)at);
		while (n < 0 && errno == EINTR);
		if (n != (ssize_t)len) {
			fail_errno(r, n < 0 ? errno : EIO, "writing at byte %llu",
				   (unsigned long long)at);
			break;
		}
	}
	put_u64(r, "done", done);
	return !r->error;
}

/**
 * op_truncate() - Operation truncate: set the size of a file.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_truncate(struct request *r)
{
	uint64_t size = 0;
	int fd;

	if (!change_get_file(r, &fd) || !request_number(r, "size", INT64_MAX, &size))
		return false;
	return !ftruncate(fd, (off_t)size) || fail_errno(r, errno, "ftruncate");
}

/**
 * op_fallocate() - Operation fallocate: allocate pages or punch a hole.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_fallocate(struct request *r)
{
	const char *how = request_get(r, "how");
	uint64_t offset = 0, length = 0;
	int fd, mode = 0;

	if (!change_get_file(r, &fd) || !request_number(r, "offset", INT64_MAX, &offset) ||
	    !request_number(r, "length", INT64_MAX, &length))
		return false;
	if (how && !strcmp(how, "keep-size"))
		mode = FALLOC_FL_KEEP_SIZE;
	else if (how && !strcmp(how, "punch-hole"))
		mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	else if (how && strcmp(how, "allocate"))
		return fail_request(r, "how is allocate, keep-size or punch-hole: %.80s", how);
	return !fallocate(fd, mode, (off_t)offset, (off_t)length) ||
	       fail_errno(r, errno, "fallocate");
}

/**
 * op_seal() - Operation seal: add seals to a file.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_seal(struct request *r)
{
	unsigned int seals;
	int fd;

	if (!change_get_file(r, &fd) || !parse_seals(r, &seals))
		return false;
	return !fcntl(fd, F_ADD_SEALS, seals) || fail_errno(r, errno, "F_ADD_SEALS");
}

/**
 * op_reopen() - Operation reopen: open a file again, with its own position and access rights.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_reopen(struct request *r)
{
	const char *as = request_get(r, "as"), *access = request_get(r, "access");
	bool read_only = !strcmp(access, "r");
	char path[64];
	int fd, other;

	if (!change_get_file(r, &fd))
		return false;
	if (!read_only && strcmp(access, "rw"))
		return fail_request(r, "access is r or rw: %.80s", access);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	other = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (other < 0)
		return fail_errno(r, errno, "open %s", path);
	if (registry_put(&files, as, other))
		put_bool(r, "replaced", true);
	return true;
}

/**
 * op_seek() - Operation seek: set the position of a file.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_seek(struct request *r)
{
	uint64_t pos = 0;
	int fd;

	if (!change_get_file(r, &fd) || !request_number(r, "pos", INT64_MAX, &pos))
		return false;
	return lseek(fd, (off_t)pos, SEEK_SET) >= 0 || fail_errno(r, errno, "lseek");
}
