// SPDX-License-Identifier: GPL-2.0-only
/* Small helpers: time, small files, text. */
#define _GNU_SOURCE
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/**
 * now_us() - Read CLOCK_MONOTONIC.
 *
 * Return: the time in microseconds
 */
uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

/**
 * pause_ms() - Sleep.
 * @ms: how long, in milliseconds
 */
void pause_ms(unsigned int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000l };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

/**
 * read_small() - Read a small file as a string.
 * @path: the file
 * @to: where the string goes, without its last newline
 * @room: size of @to
 *
 * Return: the length of the string, or -1 with errno set
 */
ssize_t read_small(const char *path, char *to, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	while (len < room - 1 && (n = read(fd, to + len, room - 1 - len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int err = errno;

			close(fd);
			errno = err;
			return -1;
		}
		len += (size_t)n;
	}
	close(fd);
	if (len && to[len - 1] == '\n')
		len--;
	to[len] = 0;
	return (ssize_t)len;
}

/**
 * text_number_after() - Find the number behind a word at the start of a line, as in
 *   /proc/meminfo.
 * @text: the lines
 * @word: the word, for example "MemFree:"
 * @out: where the number goes
 *
 * Return: false if no line begins with the word
 */
bool text_number_after(const char *text, const char *word, uint64_t *out)
{
	size_t len = strlen(word);

	for (const char *line = text; line; line = strchr(line, '\n'), line += line ? 1 : 0) {
		while (*line == ' ')
			line++;
		if (!strncmp(line, word, len)) {
			*out = strtoull(line + len, NULL, 10);
			return true;
		}
	}
	return false;
}

/**
 * file_size() - Find the size of a file or of a device.
 * @fd: the file; the position of a regular file is never touched
 * @size: where the size goes, in bytes
 *
 * Return: 0, or -1 with errno set
 */
int file_size(int fd, uint64_t *size)
{
	struct stat st;
	off_t pos, end;

	if (fstat(fd, &st))
		return -1;
	if (S_ISREG(st.st_mode)) {
		*size = (uint64_t)st.st_size;
		return 0;
	}
	pos = lseek(fd, 0, SEEK_CUR);
	end = pos < 0 ? -1 : lseek(fd, 0, SEEK_END);
	if (end < 0 || lseek(fd, pos, SEEK_SET) < 0)
		return -1;
	*size = (uint64_t)end;
	return 0;
}

/**
 * file_view() - Open a file once more, with a position of its own.
 * @fd: the file
 *
 * A search with file_next_data() moves the position. The kernel hands the position over, at a
 * moment that the agent does not choose: it must never see one that the search left there.
 * A device is not opened twice; its view shares the position.
 *
 * Return: a descriptor for the caller to close, or -1 with errno set
 */
int file_view(int fd)
{
	struct stat st;
	char path[32];

	if (fstat(fd, &st))
		return -1;
	if (!S_ISREG(st.st_mode))
		return fcntl(fd, F_DUPFD_CLOEXEC, 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/**
 * file_next_data() - Find the next run of pages that hold data (SEEK_DATA).
 * @fd: a view of the file (file_view()); its position moves
 * @size: its size in bytes
 * @at: where to look from, in bytes; moved behind the run
 * @first: where the number of the first page goes
 * @count: where the number of pages goes
 *
 * Return: 1, 0 if there is no more data, or -1 with errno set
 */
int file_next_data(int fd, uint64_t size, uint64_t *at, uint64_t *first, uint64_t *count)
{
	off_t data, hole;

	if (*at >= size)
		return 0;
	data = lseek(fd, (off_t)*at, SEEK_DATA);
	if (data < 0)
		return errno == ENXIO ? 0 : -1;
	hole = lseek(fd, data, SEEK_HOLE);
	if (hole < 0)
		return -1;
	*at = (uint64_t)hole;
	*first = (uint64_t)data / PAGE;
	*count = PAGES_OF(hole) - *first;
	return 1;
}
