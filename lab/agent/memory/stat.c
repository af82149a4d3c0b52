// SPDX-License-Identifier: GPL-2.0-only
/* stat: what the kernel says about a file. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/registry.h"
#include "common/util.h"
#include "memory/seals.h"
#include "ops.h"

/* What this descriptor allows. */
static const char *stat_access(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return "";
	return (flags & O_ACCMODE) == O_RDONLY ? "r" : (flags & O_ACCMODE) == O_WRONLY ? "w" : "rw";
}

/**
 * op_stat() - Operation stat: report size, position, seals, mode and data of a file.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_stat(struct request *r)
{
	const char *name = request_get(r, "file");
	int fd = registry_get(&files, name), seals, more = 0, view;
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
	/* Only regular files can be sealed. */
	seals = S_ISREG(st.st_mode) ? fcntl(fd, F_GET_SEALS) : 0;
	if (seals < 0)
		return fail_errno(r, errno, "F_GET_SEALS");
	put_seals(r, (unsigned int)seals);
	put_u64(r, "mode", st.st_mode & 07777);
	put_str(r, "access", stat_access(fd));
	put_u64(r, "blocks", (uint64_t)st.st_blocks);
	view = file_view(fd);
	if (view < 0)
		return fail_errno(r, errno, "open once more");
	put_raw(r, "data");
	text_str(r->body, "[");
	begun = false;
	while ((more = file_next_data(view, size, &at, &first, &count)) > 0) {
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
	lseek(view, pos, SEEK_SET); /* a device's view shares its position */
	close(view);
	return !r->error;
}
