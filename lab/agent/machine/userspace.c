// SPDX-License-Identifier: GPL-2.0-only
/* Starts another system as user space (lab/init/userspace.c), and has it start the next kernel. */
#define _GNU_SOURCE
#include "machine/userspace.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/util.h"
#include "ops.h"

#define SOCKET "lab.userspace"
#define INIT "/init"
#define MESSAGE_ROOM 8192
#define MS_MAX 3600000
/* systemd(1): starts kexec.target. */
#define SIGNAL_KEXEC (SIGRTMIN + 6)

/**
 * userspace_runs() - Tell whether systemd is process 1 of this machine, in a root of its own.
 *
 * On a developer's host, where tests run this program, process 1 has the same root.
 *
 * Return: true if it is
 */
bool userspace_runs(void)
{
	struct stat own, other;

	return access("/proc/1/root/run/systemd/system", F_OK) == 0 && !stat("/", &own) &&
	       !stat("/proc/1/root/", &other) && own.st_dev != other.st_dev;
}

/**
 * userspace_kexec() - Have systemd shut down and start the kernel that was loaded.
 *
 * Return: false if it was not told
 */
bool userspace_kexec(void)
{
	return kill(1, SIGNAL_KEXEC) == 0;
}

static int socket_bind(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(SOCKET);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(at.sun_path + 1, SOCKET, strlen(SOCKET));
	if (fd >= 0 && bind(fd, (struct sockaddr *)&at, len)) {
		int err = errno;

		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

/* Returns what follows the = of a line KEY=VALUE, or NULL. It ends the line there. */
static char *line_value(char *message, const char *key)
{
	size_t len = strlen(key);

	for (char *line = message; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) || line[len] != '=')
			continue;
		line[len + 1 + strcspn(line + len + 1, "\n")] = 0;
		return line + len + 1;
	}
	return NULL;
}

/* One message of process 1. Returns true once nothing more is awaited. */
static bool message_take(struct request *r, int fd, uint64_t *taken)
{
	char message[MESSAGE_ROOM], *failed, *what;
	ssize_t len = recv(fd, message, sizeof(message) - 1, 0);

	if (len < 0)
		return errno != EAGAIN && errno != EINTR && !fail_errno(r, errno, "recv");
	message[len] = 0;
	wire_progress(r, ++*taken);
	failed = line_value(message, "LAB_FAILED");
	if (failed) {
		int err = (int)strtol(failed, &what, 10);

		fail_errno(r, err > 0 ? err : EIO, "process 1:%.200s", what);
		return true;
	}
	return line_value(message, "READY");
}

/**
 * op_userspace() - Operation userspace: have process 1 become that of the other system, and wait
 *   until it is up.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_userspace(struct request *r)
{
	uint64_t ms, taken = 0, start = now_us();
	struct pollfd in = { .events = POLLIN };

	if (!request_number(r, "ms", MS_MAX, &ms))
		return false;
	if (userspace_runs())
		return fail_request(r, "the other system is process 1 already");
	if (access(INIT, X_OK)) /* nobody else's process 1 gets the signal */
		return fail_errno(r, errno, INIT);
	in.fd = socket_bind();
	if (in.fd < 0)
		return fail_errno(r, errno, "bind @" SOCKET);
	if (kill(1, SIGUSR1))
		fail_errno(r, errno, "signal to process 1");
	while (!r->error) {
		uint64_t passed = (now_us() - start) / 1000;

		if (passed >= ms)
			fail_errno(r, ETIMEDOUT, "process 1 does not say that it is up");
		else if (poll(&in, 1, (int)(ms - passed)) > 0 && message_take(r, in.fd, &taken))
			break;
	}
	close(in.fd);
	put_u64(r, "messages", taken);
	return !r->error;
}
