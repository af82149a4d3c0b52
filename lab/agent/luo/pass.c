// SPDX-License-Identifier: GPL-2.0-only
/* Passes descriptors from one client to another (SCM_RIGHTS). The sender keeps its own. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ops.h"
#include "common/registry.h"
#include "common/util.h"

#define PASS_MS 10000u
#define STEP_MS 5u

/* A message of one byte that carries one descriptor. */
struct pass_message {
	struct msghdr head;
	struct iovec part;
	char byte;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
};

static void pass_message_init(struct pass_message *m)
{
	memset(m, 0, sizeof(*m));
	m->part = (struct iovec){ &m->byte, 1 };
	m->head.msg_iov = &m->part;
	m->head.msg_iovlen = 1;
	m->head.msg_control = m->control.room;
	m->head.msg_controllen = sizeof(m->control.room);
}

/* An abstract address leaves nothing behind in a file system. */
static bool pass_address(struct request *r, struct sockaddr_un *to, socklen_t *len)
{
	const char *at = request_get(r, "at");
	size_t bytes = strlen(at);

	memset(to, 0, sizeof(*to));
	to->sun_family = AF_UNIX;
	if (!bytes || bytes >= sizeof(to->sun_path) - 1)
		return fail_request(r, "at is a name of 1 to %zu bytes", sizeof(to->sun_path) - 2);
	memcpy(to->sun_path + 1, at, bytes);
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + bytes);
	return true;
}

/* The request names either a session or a file. */
static bool pass_which(struct request *r, struct registry **from, const char **name)
{
	const char *session = request_get(r, "session"), *file = request_get(r, "file");

	if (!session == !file)
		return fail_request(r, "expected either a session or a file");
	*from = session ? &sessions : &files;
	*name = session ? session : file;
	return true;
}

/**
 * op_send() - Operation send: pass a descriptor to another client.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_send(struct request *r)
{
	struct pass_message m;
	uint64_t until = now_us() + PASS_MS * 1000ull;
	struct sockaddr_un to;
	struct registry *from = NULL;
	const char *name = NULL;
	socklen_t len;
	int fd, s;

	if (!pass_which(r, &from, &name) || !pass_address(r, &to, &len))
		return false;
	fd = registry_get(from, name);
	if (fd < 0)
		return fail_handle(r, from == &sessions ? "session" : "file", name);
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return fail_errno(r, errno, "socket");
	/* The other client may not be listening yet. */
	while (connect(s, (struct sockaddr *)&to, len)) {
		if (errno != ECONNREFUSED || now_us() > until) {
			fail_errno(r, errno, "connect to the other client");
			break;
		}
		pause_ms(STEP_MS);
	}
	pass_message_init(&m);
	m.control.header = (struct cmsghdr){
		.cmsg_len = CMSG_LEN(sizeof(int)),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
	};
	memcpy(CMSG_DATA(&m.control.header), &fd, sizeof(fd));
	if (!r->error && sendmsg(s, &m.head, 0) != 1)
		fail_errno(r, errno, "sendmsg");
	close(s);
	return !r->error;
}

static bool pass_take(struct request *r, int s, struct registry *g, const char *name)
{
	struct pass_message m;
	struct pollfd ready = { .fd = s, .events = POLLIN };
	int fd;

	pass_message_init(&m);
	if (poll(&ready, 1, (int)PASS_MS) != 1)
		return fail_errno(r, ETIMEDOUT, "the other client sent nothing");
	if (recvmsg(s, &m.head, MSG_CMSG_CLOEXEC) != 1)
		return fail_errno(r, errno ? errno : EPIPE, "recvmsg");
	if (m.head.msg_controllen < CMSG_LEN(sizeof(int)) ||
	    m.control.header.cmsg_type != SCM_RIGHTS)
		return fail_errno(r, EBADMSG, "a message without a descriptor");
	memcpy(&fd, CMSG_DATA(&m.control.header), sizeof(fd));
	if (registry_put(g, name, fd))
		put_bool(r, "replaced", true);
	return true;
}

/**
 * op_receive() - Operation receive: take a descriptor from another client.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_receive(struct request *r)
{
	struct pollfd ready = { .events = POLLIN };
	struct sockaddr_un at;
	struct registry *to = NULL;
	const char *name = NULL;
	socklen_t len;
	int s, peer = -1;

	if (!pass_which(r, &to, &name) || !pass_address(r, &at, &len))
		return false;
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return fail_errno(r, errno, "socket");
	ready.fd = s;
	if (bind(s, (struct sockaddr *)&at, len) || listen(s, 1)) {
		fail_errno(r, errno, "listening for the other client");
	} else if (poll(&ready, 1, (int)PASS_MS) != 1) {
		fail_errno(r, ETIMEDOUT, "the other client did not connect");
	} else {
		peer = accept4(s, NULL, NULL, SOCK_CLOEXEC);
		if (peer < 0)
			fail_errno(r, errno, "accept");
		else
			pass_take(r, peer, to, name);
	}
	if (peer >= 0)
		close(peer);
	close(s);
	return !r->error;
}
