// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

void pause_ms(unsigned ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000l };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

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

bool number_after(const char *text, const char *word, uint64_t *out)
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

int file_size(int fd, uint64_t *size)
{
	off_t pos = lseek(fd, 0, SEEK_CUR), end = pos < 0 ? -1 : lseek(fd, 0, SEEK_END);

	if (end < 0 || lseek(fd, pos, SEEK_SET) < 0)
		return -1;
	*size = (uint64_t)end;
	return 0;
}

int next_data(int fd, uint64_t size, uint64_t *at, uint64_t *first, uint64_t *count)
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
