// SPDX-License-Identifier: GPL-2.0-only
/* Has the SSH server started. Another program does that: lab/init/ssh/ssh.c. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ops.h"
#include "common/util.h"

#define STARTER "/bin/lab-ssh"
#define KEY_MAX 500
#define ANSWER_ROOM 200

static bool key_is_base64(const char *key)
{
	size_t len = 0;

	while (isalnum((unsigned char)key[len]) || (key[len] && strchr("+/=", key[len])))
		len++;
	return len > 0 && len <= KEY_MAX && !key[len];
}

static size_t read_to_end(int fd, char *to, size_t room)
{
	size_t len = 0;
	ssize_t n;

	while (len < room - 1 && (n = read(fd, to + len, room - 1 - len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		len += (size_t)n;
	}
	to[len] = 0;
	to[strcspn(to, "\n")] = 0;
	return len;
}

/* Our input and output are the lab's port, so the program gets neither. */
static int starter_spawn(const char *key, int out, pid_t *pid)
{
	char *const argv[] = { (char *)STARTER, (char *)key, NULL };
	posix_spawn_file_actions_t actions;
	int err = posix_spawn_file_actions_init(&actions);

	if (err)
		return err;
	err = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (!err)
		err = posix_spawn(pid, STARTER, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return err;
}

/**
 * op_ssh() - Operation ssh: start the SSH server and let the lab log in.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_ssh(struct request *r)
{
	char answer[ANSWER_ROOM] = "", *text;
	const char *key = request_get(r, "key");
	int ends[2], err;
	pid_t pid;

	if (!key_is_base64(key))
		return fail_request(r, "key is not base64 of at most %d characters", KEY_MAX);
	if (pipe2(ends, O_CLOEXEC))
		return fail_errno(r, errno, "pipe2");
	err = starter_spawn(key, ends[1], &pid);
	close(ends[1]);
	if (!err) {
		read_to_end(ends[0], answer, sizeof(answer));
		waitpid(pid, NULL, 0);
	}
	close(ends[0]);
	if (err)
		return fail_errno(r, err, "start " STARTER);
	err = (int)strtol(answer, &text, 10);
	if (text == answer || *text != ' ')
		return fail_errno(r, EIO, STARTER " ended without an answer");
	if (err)
		return fail_errno(r, err, "%s", text + 1);
	put_str(r, "fingerprint", text + 1);
	return true;
}
