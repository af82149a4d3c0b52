// SPDX-License-Identifier: GPL-2.0-only
/* The SSH server: its host key, who may log in, and whether it listens. */
#define _GNU_SOURCE
#include "ssh.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ed25519.h"
#include "sha256.h"
#include "util.h"

#define PORT 22
#define HOST_KEY "/run/hostkey"
#define LISTEN_SECONDS 30

/**
 * ssh_authorize() - Let the lab log in with its key, lab.key= of the command line.
 * @cmdline: the kernel command line
 */
void ssh_authorize(const char *cmdline)
{
	char key[512], line[600];

	if (!cmdline_parameter(cmdline, "lab.key", key, sizeof(key))) {
		errno = ENOKEY;
		console_failed("lab.key");
		return;
	}
	/* SSH servers refuse a home or a key file that others can write to. */
	mkdir("/root", 0700);
	chmod("/root", 0700);
	mkdir("/root/.ssh", 0700);
	chmod("/root/.ssh", 0700);
	snprintf(line, sizeof(line), "ssh-ed25519 %s lab\n", key);
	if (!write_text("/root/.ssh/authorized_keys", 0600, line))
		console_failed("authorized_keys");
}

static pid_t start_program(char *const argv[], int out)
{
	pid_t pid = vfork();

	if (pid)
		return pid;
	setsid();
	if (out >= 0) {
		dup2(out, 1);
		dup2(out, 2);
	}
	execv(argv[0], argv);
	_exit(127);
}

static const char *find_program(const char *name, char *path, size_t room)
{
	static const char *const places[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path, room, "%s/%s", places[i], name);
		if (!access(path, X_OK))
			return path;
	}
	console_failed(name);
	return NULL;
}

static void base64_encode(const unsigned char *from, size_t len, char *to)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned int bits = 0, held = 0;

	while (len--) {
		held = held << 8 | *from++;
		for (bits += 8; bits >= 6; bits -= 6)
			*to++ = digits[held >> (bits - 6) & 63];
	}
	if (bits)
		*to++ = digits[held << (6 - bits) & 63];
	*to = 0;
}

static size_t put_string(unsigned char *to, const void *from, size_t len)
{
	uint32_t big = htonl((uint32_t)len);

	memcpy(to, &big, 4);
	memcpy(to + 4, from, len);
	return 4 + len;
}

/**
 * ssh_make_host_key() - Make a new host key for this boot in the server's own format.
 * @fingerprint: where its fingerprint goes, as clients show it
 *
 * dropbearkey would do the same. But on an emulated machine, starting it takes longer than
 * everything else here.
 *
 * Return: false if that fails
 */
bool ssh_make_host_key(char *fingerprint)
{
	static const char type[] = "ssh-ed25519";
	unsigned char pair[64], blob[128], digest[32];
	size_t len = put_string(blob, type, strlen(type));
	int fd = open(HOST_KEY, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool ok;

	if (fd < 0 || getrandom(pair, 32, 0) != 32)
		return false;
	ed25519_public(pair, pair + 32);
	len += put_string(blob + len, pair, sizeof(pair));
	ok = write(fd, blob, len) == (ssize_t)len;
	close(fd);
	len = put_string(blob, type, strlen(type));
	len += put_string(blob + len, pair + 32, 32);
	sha256(blob, len, digest);
	base64_encode(digest, sizeof(digest), fingerprint);
	return ok;
}

/**
 * ssh_start() - Start the server.
 *
 * Return: its process, or -1
 */
pid_t ssh_start(void)
{
	static char path[64];
	static const char *const argv[] = {
		path, "-F", "-E", "-s", "-j", "-k", "-r", HOST_KEY, "-p", "22", "-W", "1048576",
		"-P", "/run/dropbear.pid", NULL,
	};
	int log;
	pid_t pid;

	if (!find_program("dropbear", path, sizeof(path)))
		return -1;
	log = open("/run/dropbear.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	pid = start_program((char *const *)argv, log);
	if (log >= 0)
		close(log);
	return pid;
}

static bool server_listens(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(PORT),
				  .sin_addr.s_addr = htonl(INADDR_ANY) };
	bool taken;

	/*
	 * Connecting would make the server fork for nothing. If the port cannot be bound,
	 * somebody is listening on it.
	 */
	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	taken = bind(fd, (struct sockaddr *)&to, sizeof(to)) && errno == EADDRINUSE;
	close(fd);
	return taken;
}

static bool process_ended(pid_t pid)
{
	siginfo_t info = { 0 };

	return !waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid == pid;
}

/**
 * ssh_wait() - Wait until the server listens.
 * @server: its process
 *
 * Return: false if it ended or took too long
 */
bool ssh_wait(pid_t server)
{
	double end = clock_seconds(CLOCK_MONOTONIC) + LISTEN_SECONDS;

	while (!server_listens()) {
		if (process_ended(server))
			return false;
		if (clock_seconds(CLOCK_MONOTONIC) > end) {
			errno = ETIMEDOUT;
			console_failed("dropbear does not listen");
			return false;
		}
		pause_ms(1);
	}
	return true;
}
