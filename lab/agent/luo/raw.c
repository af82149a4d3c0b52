// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls as no careful client makes them: any ioctl with any argument, on any descriptor. And what
 * the kernel calls a descriptor.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "compat.h"
#include "ops.h"
#include "common/registry.h"
#include "luo/luo.h"

/* The argument has this much room; nothing is mapped behind it. */
#define RAW_ROOM 8192u
#define RAW_PAGE 4096u

static bool raw_descriptor(struct request *r, int *fd)
{
	const char *session = request_get(r, "session"), *file = request_get(r, "file");

	if (session && file)
		return fail_request(r, "%s takes a session or a file, not both", r->op);
	if (!session && !file) {
		*fd = luo_device_fd();
		return *fd >= 0 || fail_handle(r, "device", "/dev/liveupdate");
	}
	*fd = registry_get(session ? &sessions : &files, session ? session : file);
	return *fd >= 0 ||
	       fail_handle(r, session ? "session" : "file", session ? session : file);
}

static int raw_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Bytes in hexadecimal, as in "00ff". */
static bool raw_bytes(struct request *r, const char *text, unsigned char *to, size_t room)
{
	size_t digits = text ? strlen(text) : 0;

	if (digits % 2 || digits / 2 > room)
		return fail_request(r, "bytes has an even number of digits, up to %zu", 2 * room);
	for (size_t i = 0; i < digits; i += 2) {
		int high = raw_digit(text[i]), low = raw_digit(text[i + 1]);

		if (high < 0 || low < 0)
			return fail_request(r, "bytes has digits 0-9 and a-f: %.80s", text);
		to[i / 2] = (unsigned char)(high << 4 | low);
	}
	return true;
}

static unsigned char *raw_argument(void)
{
	static unsigned char *at;

	if (!at) {
		at = mmap(NULL, RAW_ROOM + RAW_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (at == MAP_FAILED)
			at = NULL;
		else if (mprotect(at + RAW_ROOM, RAW_PAGE, PROT_NONE))
			return NULL;
	}
	if (at)
		memset(at, 0, RAW_ROOM);
	return at;
}

/* A descriptor that nobody asked for by name must not stay open. */
static void raw_close_answer(uint64_t command, const unsigned char *argument)
{
	__s32 fd;

	if (command != LIVEUPDATE_IOCTL_CREATE_SESSION &&
	    command != LIVEUPDATE_IOCTL_RETRIEVE_SESSION &&
	    command != LIVEUPDATE_SESSION_RETRIEVE_FD)
		return;
	memcpy(&fd, argument + sizeof(__u32), sizeof(fd));
	if (fd > STDERR_FILENO)
		close(fd);
}

static bool raw_without(struct request *r, const char **without)
{
	*without = request_get(r, "without");
	if (!*without)
		*without = "";
	return !**without || !strcmp(*without, "argument") || !strcmp(*without, "answer") ||
	       !strcmp(*without, "descriptor") ||
	       fail_request(r, "without is argument, answer or descriptor: %.80s", *without);
}

/* The ioctl; its errno, or 0. What the caller takes away is there again when it returns. */
static int raw_call(int fd, uint64_t command, unsigned char *argument, const char *without)
{
	struct rlimit limit = { 0, 0 }, none;
	bool descriptor = !strcmp(without, "descriptor"), answer = !strcmp(without, "answer");
	int err;

	if (descriptor) {
		if (getrlimit(RLIMIT_NOFILE, &limit))
			return errno;
		none = limit;
		none.rlim_cur = 0;
		if (setrlimit(RLIMIT_NOFILE, &none))
			return errno;
	}
	if (answer && mprotect(argument, RAW_ROOM, PROT_READ))
		return errno;
	/* Nothing is mapped behind the argument's room. */
	if (!strcmp(without, "argument"))
		argument += RAW_ROOM;
	err = ioctl(fd, (unsigned long)command, argument) ? errno : 0;
	if (descriptor)
		setrlimit(RLIMIT_NOFILE, &limit);
	if (answer)
		mprotect(argument, RAW_ROOM, PROT_READ | PROT_WRITE);
	return err;
}

/**
 * op_ioctl() - Operation ioctl: any ioctl on a session, a file or the device.
 * @r: the request
 *
 * The argument begins with its size, as the caller claims it. bytes come after that, then zeros.
 * without takes something away from the call: the argument, the right to write an answer there, or
 * all free descriptors.
 *
 * Return: true, or false after the request has failed
 */
bool op_ioctl(struct request *r)
{
	uint64_t command = 0, size = 0;
	unsigned char *argument = raw_argument();
	const char *without;
	__u32 claimed;
	int fd, err;

	if (!argument)
		return fail_errno(r, errno, "mmap");
	if (!raw_descriptor(r, &fd) || !request_number(r, "command", UINT32_MAX, &command) ||
	    !request_number(r, "size", UINT32_MAX, &size) ||
	    !raw_bytes(r, request_get(r, "bytes"), argument + sizeof(claimed),
		       RAW_ROOM - sizeof(claimed)) ||
	    !raw_without(r, &without))
		return false;
	claimed = (__u32)size;
	memcpy(argument, &claimed, sizeof(claimed));
	err = raw_call(fd, command, argument, without);
	if (err)
		return fail_errno(r, err, "ioctl %#llx", (unsigned long long)command);
	raw_close_answer(command, argument);
	return true;
}

/**
 * op_link() - Operation link: what /proc says that a descriptor is.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_link(struct request *r)
{
	char path[64], text[512];
	ssize_t len;
	int fd;

	if (!raw_descriptor(r, &fd))
		return false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, text, sizeof(text) - 1);
	if (len < 0)
		return fail_errno(r, errno, "readlink %s", path);
	text[len] = '\0';
	put_str(r, "link", text);
	return true;
}
