// SPDX-License-Identifier: GPL-2.0-only
/* Where a kernel or an initrd comes from: a path, or a disk with a given serial number. */
#define _GNU_SOURCE
#include "machine/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util.h"

#define SIZE_LIMIT (1ull << 31)

static bool source_disk_path(const char *serial, char *path, size_t room)
{
	DIR *dir = opendir("/sys/block");
	struct dirent *e;
	bool found = false;

	if (!dir)
		return false;
	while (!found && (e = readdir(dir))) {
		char attribute[300], has[64];

		snprintf(attribute, sizeof(attribute), "/sys/block/%s/serial", e->d_name);
		if (e->d_name[0] == '.' || read_small(attribute, has, sizeof(has)) < 0)
			continue;
		has[strcspn(has, "\n ")] = 0;
		found = !strcmp(has, serial);
		if (found)
			snprintf(path, room, "/dev/%s", e->d_name);
	}
	closedir(dir);
	return found;
}

/*
 * Reads from the disk straight into the pages of the file, without a second copy in the page
 * cache.
 */
static bool source_copy_disk(struct request *r, const char *path, int to, uint64_t size)
{
	uint64_t room = (size + PAGE - 1) / PAGE * PAGE, done = 0;
	int disk = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	char *map;

	if (disk < 0)
		return fail_errno(r, errno, "open %s", path);
	map = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_SHARED, to, 0);
	if (map == MAP_FAILED) {
		fail_errno(r, errno, "mmap");
		close(disk);
		return false;
	}
	while (done < size) {
		ssize_t n = pread(disk, map + done, room - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			fail_errno(r, n ? errno : ENODATA, "read %s at byte %llu of %llu", path,
				   (unsigned long long)done, (unsigned long long)size);
			break;
		}
		done += (uint64_t)n;
		wire_progress(r, done);
	}
	munmap(map, room);
	close(disk);
	return !r->error;
}

/**
 * source_open() - Open the kernel or the initrd that a request names.
 * @r: the request
 * @key: the key that names it: a path or the serial number of a disk
 * @size_key: the key with its size, needed for a disk
 *
 * Return: a regular file open for reading, or -1 after the request has failed
 */
int source_open(struct request *r, const char *key, const char *size_key)
{
	const char *from = request_get(r, key);
	char path[300], self[40];
	uint64_t size = 0;
	int copy, fd;

	if (strchr(from, '/')) {
		fd = open(from, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			fail_errno(r, errno, "open %s", from);
		return fd;
	}
	if (!request_get(r, size_key)) {
		fail_request(r, "%s is a disk, so %s is needed", key, size_key);
		return -1;
	}
	if (!request_number(r, size_key, SIZE_LIMIT, &size))
		return -1;
	if (!size) {
		fail_request(r, "%s is 0", size_key);
		return -1;
	}
	if (!source_disk_path(from, path, sizeof(path))) {
		fail_errno(r, ENODEV, "no disk has the serial %s", from);
		return -1;
	}
	copy = memfd_create(key, MFD_CLOEXEC);
	if (copy < 0 || ftruncate(copy, (off_t)((size + PAGE - 1) / PAGE * PAGE))) {
		fail_errno(r, errno, "memfd for %s", key);
		fd = -1;
	} else if (!source_copy_disk(r, path, copy, size)) {
		fd = -1;
	} else if (ftruncate(copy, (off_t)size)) {
		fail_errno(r, errno, "ftruncate");
		fd = -1;
	} else {
		/*
		 * The kernel refuses a file that somebody could still write to. So open it
		 * again, read-only.
		 */
		snprintf(self, sizeof(self), "/proc/self/fd/%d", copy);
		fd = open(self, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			fail_errno(r, errno, "open %s", self);
	}
	if (copy >= 0)
		close(copy);
	return fd;
}

/**
 * source_close() - Close what source_open() opened.
 * @fd: the file
 *
 * The pages of a copy go back to the kernel as zeros: a machine that is saved with them would
 * take twelve megabytes more.
 */
void source_close(int fd)
{
	static const char zeros[1 << 16];
	char self[40], name[16] = "";
	struct stat file;
	off_t at = 0;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (readlink(self, name, sizeof(name) - 1) > 0 && !strncmp(name, "/memfd:", 7) &&
	    !fstat(fd, &file)) {
		int copy = open(self, O_WRONLY | O_CLOEXEC);

		while (copy >= 0 && at < file.st_size) {
			off_t left = file.st_size - at;
			size_t room = left < (off_t)sizeof(zeros) ? (size_t)left : sizeof(zeros);
			ssize_t n = pwrite(copy, zeros, room, at);

			if (n <= 0)
				break;
			at += n;
		}
		if (copy >= 0)
			close(copy);
	}
	close(fd);
}
