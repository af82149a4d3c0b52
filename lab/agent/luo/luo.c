// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
/* /dev/liveupdate: what the kernel answers is passed on; the agent judges nothing and forbids nothing. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "compat.h"
#include "ops.h"
#include "common/registry.h"

static int device = -1;

static bool open_device(struct request *r)
{
	if (device >= 0)
		return true;
	device = open("/dev/liveupdate", O_RDWR | O_CLOEXEC);
	return device >= 0 || fail_errno(r, errno, "open /dev/liveupdate");
}

bool op_open(struct request *r)
{
	bool was_open = device >= 0;

	if (!open_device(r))
		return false;
	put_bool(r, "opened", !was_open);
	return true;
}

/* A name of exactly 64 bytes goes to the kernel without its terminator: what it says to that is the kernel's own answer. */
static bool copy_name(struct request *r, __u8 *to)
{
	const char *name = request_get(r, "session");
	size_t len = strlen(name);

	if (len > LIVEUPDATE_SESSION_NAME_LENGTH)
		return fail_request(r, "a session name has at most %d bytes", LIVEUPDATE_SESSION_NAME_LENGTH);
	memcpy(to, name, len);
	return true;
}

/* The name the agent keeps it under: another than the kernel's where the request says as=. */
static const char *own_name(const struct request *r)
{
	const char *as = request_get(r, "as");

	return as ? as : request_get(r, "session");
}

static void take_descriptor(struct request *r, struct registry *g, const char *name, int fd)
{
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (registry_put(g, name, fd))
		put_bool(r, "replaced", true);
}

bool op_create(struct request *r)
{
	struct liveupdate_ioctl_create_session arg = { .size = sizeof(arg), .fd = -1 };

	if (!copy_name(r, arg.name) || !open_device(r))
		return false;
	if (ioctl(device, LIVEUPDATE_IOCTL_CREATE_SESSION, &arg))
		return fail_errno(r, errno, "CREATE_SESSION");
	take_descriptor(r, &sessions, own_name(r), arg.fd);
	return true;
}

bool op_retrieve_session(struct request *r)
{
	struct liveupdate_ioctl_retrieve_session arg = { .size = sizeof(arg), .fd = -1 };

	if (!copy_name(r, arg.name) || !open_device(r))
		return false;
	if (ioctl(device, LIVEUPDATE_IOCTL_RETRIEVE_SESSION, &arg))
		return fail_errno(r, errno, "RETRIEVE_SESSION");
	take_descriptor(r, &sessions, own_name(r), arg.fd);
	return true;
}

static bool get_session(struct request *r, int *fd)
{
	const char *name = request_get(r, "session");

	*fd = registry_get(&sessions, name);
	return *fd >= 0 || fail_handle(r, "session", name);
}

bool op_preserve(struct request *r)
{
	struct liveupdate_session_preserve_fd arg = { .size = sizeof(arg) };
	const char *file = request_get(r, "file");
	uint64_t token = 0;
	int session;

	if (!get_session(r, &session) || !request_number(r, "token", UINT64_MAX, &token))
		return false;
	arg.fd = registry_get(&files, file);
	if (arg.fd < 0)
		return fail_handle(r, "file", file);
	arg.token = token;
	if (ioctl(session, LIVEUPDATE_SESSION_PRESERVE_FD, &arg))
		return fail_errno(r, errno, "PRESERVE_FD");
	return true;
}

bool op_retrieve(struct request *r)
{
	struct liveupdate_session_retrieve_fd arg = { .size = sizeof(arg), .fd = -1 };
	uint64_t token = 0;
	int session;

	if (!get_session(r, &session) || !request_number(r, "token", UINT64_MAX, &token))
		return false;
	arg.token = token;
	if (ioctl(session, LIVEUPDATE_SESSION_RETRIEVE_FD, &arg))
		return fail_errno(r, errno, "RETRIEVE_FD");
	take_descriptor(r, &files, request_get(r, "file"), arg.fd);
	return true;
}

bool op_finish(struct request *r)
{
	struct liveupdate_session_finish arg = { .size = sizeof(arg) };
	int session;

	if (!get_session(r, &session))
		return false;
	if (ioctl(session, LIVEUPDATE_SESSION_FINISH, &arg))
		return fail_errno(r, errno, "FINISH");
	return true;
}

bool op_get_name(struct request *r)
{
	struct liveupdate_session_get_name arg = { .size = sizeof(arg) };
	char name[LIVEUPDATE_SESSION_NAME_LENGTH + 1] = "";
	int session;

	if (!get_session(r, &session))
		return false;
	if (ioctl(session, LIVEUPDATE_SESSION_GET_NAME, &arg))
		return fail_errno(r, errno, "GET_NAME");
	memcpy(name, arg.name, sizeof(arg.name));
	put_str(r, "name", name);
	return true;
}

bool op_close(struct request *r)
{
	const char *session = request_get(r, "session"), *file = request_get(r, "file");
	int fd;

	if (session && file)
		return fail_request(r, "close takes a session or a file, not both");
	if (session || file) {
		fd = registry_take(session ? &sessions : &files, session ? session : file);
		if (fd < 0)
			return fail_handle(r, session ? "session" : "file", session ? session : file);
	} else {
		fd = device;
		if (fd < 0)
			return fail_handle(r, "device", "/dev/liveupdate");
		device = -1;
	}
	return !close(fd) || fail_errno(r, errno, "close");
}
