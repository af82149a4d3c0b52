// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/liveupdate. The agent passes on what the kernel answers. It judges nothing and forbids
 * nothing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "compat.h"
#include "ops.h"
#include "common/registry.h"
#include "luo/luo.h"

static int luo_device = -1;

/**
 * luo_device_fd() - the descriptor of /dev/liveupdate
 *
 * Return: -1 while it is closed.
 */
int luo_device_fd(void)
{
	return luo_device;
}

static bool luo_open_device(struct request *r)
{
	if (luo_device >= 0)
		return true;
	luo_device = open("/dev/liveupdate", O_RDWR | O_CLOEXEC);
	return luo_device >= 0 || fail_errno(r, errno, "open /dev/liveupdate");
}

/**
 * op_open() - Operation open: open /dev/liveupdate.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_open(struct request *r)
{
	bool was_open = luo_device >= 0;

	if (!luo_open_device(r))
		return false;
	put_bool(r, "opened", !was_open);
	return true;
}

/*
 * A name of exactly 64 bytes goes to the kernel without a terminator. The kernel decides what
 * to do with it.
 */
static bool session_copy_name(struct request *r, __u8 *to)
{
	const char *name = request_get(r, "session");
	size_t len = strlen(name);

	if (len > LIVEUPDATE_SESSION_NAME_LENGTH)
		return fail_request(r, "a session name has at most %d bytes",
				    LIVEUPDATE_SESSION_NAME_LENGTH);
	memcpy(to, name, len);
	return true;
}

/* The agent keeps a session under its name in the kernel, or under as=. */
static const char *session_own_name(const struct request *r)
{
	const char *as = request_get(r, "as");

	return as ? as : request_get(r, "session");
}

static void luo_take_descriptor(struct request *r, struct registry *g, const char *name, int fd)
{
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (registry_put(g, name, fd))
		put_bool(r, "replaced", true);
}

/**
 * op_create() - Operation create: create a session.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_create(struct request *r)
{
	struct liveupdate_ioctl_create_session arg = { .size = sizeof(arg), .fd = -1 };

	if (!session_copy_name(r, arg.name) || !luo_open_device(r))
		return false;
	if (ioctl(luo_device, LIVEUPDATE_IOCTL_CREATE_SESSION, &arg))
		return fail_errno(r, errno, "CREATE_SESSION");
	luo_take_descriptor(r, &sessions, session_own_name(r), arg.fd);
	return true;
}

/**
 * op_retrieve_session() - Operation retrieve-session: get a session back from the previous
 *   kernel.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_retrieve_session(struct request *r)
{
	struct liveupdate_ioctl_retrieve_session arg = { .size = sizeof(arg), .fd = -1 };

	if (!session_copy_name(r, arg.name) || !luo_open_device(r))
		return false;
	if (ioctl(luo_device, LIVEUPDATE_IOCTL_RETRIEVE_SESSION, &arg))
		return fail_errno(r, errno, "RETRIEVE_SESSION");
	luo_take_descriptor(r, &sessions, session_own_name(r), arg.fd);
	return true;
}

static bool session_get(struct request *r, int *fd)
{
	const char *name = request_get(r, "session");

	*fd = registry_get(&sessions, name);
	return *fd >= 0 || fail_handle(r, "session", name);
}

/**
 * op_preserve() - Operation preserve: add a file to a session.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_preserve(struct request *r)
{
	struct liveupdate_session_preserve_fd arg = { .size = sizeof(arg) };
	const char *file = request_get(r, "file");
	uint64_t token = 0;
	int session;

	if (!session_get(r, &session) || !request_number(r, "token", UINT64_MAX, &token))
		return false;
	arg.fd = registry_get(&files, file);
	if (arg.fd < 0)
		return fail_handle(r, "file", file);
	arg.token = token;
	if (ioctl(session, LIVEUPDATE_SESSION_PRESERVE_FD, &arg))
		return fail_errno(r, errno, "PRESERVE_FD");
	return true;
}

/**
 * op_retrieve() - Operation retrieve: get a file back from a session.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_retrieve(struct request *r)
{
	struct liveupdate_session_retrieve_fd arg = { .size = sizeof(arg), .fd = -1 };
	uint64_t token = 0;
	int session;

	if (!session_get(r, &session) || !request_number(r, "token", UINT64_MAX, &token))
		return false;
	arg.token = token;
	if (ioctl(session, LIVEUPDATE_SESSION_RETRIEVE_FD, &arg))
		return fail_errno(r, errno, "RETRIEVE_FD");
	luo_take_descriptor(r, &files, request_get(r, "file"), arg.fd);
	return true;
}

/**
 * op_finish() - Operation finish: finish a session.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_finish(struct request *r)
{
	struct liveupdate_session_finish arg = { .size = sizeof(arg) };
	int session;

	if (!session_get(r, &session))
		return false;
	if (ioctl(session, LIVEUPDATE_SESSION_FINISH, &arg))
		return fail_errno(r, errno, "FINISH");
	return true;
}

/**
 * op_get_name() - Operation get-name: ask the kernel for the name of a session.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_get_name(struct request *r)
{
	struct liveupdate_session_get_name arg = { .size = sizeof(arg) };
	char name[LIVEUPDATE_SESSION_NAME_LENGTH + 1] = "";
	int session;

	if (!session_get(r, &session))
		return false;
	if (ioctl(session, LIVEUPDATE_SESSION_GET_NAME, &arg))
		return fail_errno(r, errno, "GET_NAME");
	memcpy(name, arg.name, sizeof(arg.name));
	put_str(r, "name", name);
	return true;
}

/**
 * op_close() - Operation close: close a session, a file or the device.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_close(struct request *r)
{
	const char *session = request_get(r, "session"), *file = request_get(r, "file");
	int fd;

	if (session && file)
		return fail_request(r, "close takes a session or a file, not both");
	if (session || file) {
		fd = registry_take(session ? &sessions : &files, session ? session : file);
		if (fd < 0)
			return fail_handle(r, session ? "session" : "file",
					   session ? session : file);
	} else {
		fd = luo_device;
		if (fd < 0)
			return fail_handle(r, "device", "/dev/liveupdate");
		luo_device = -1;
	}
	return !close(fd) || fail_errno(r, errno, "close");
}
