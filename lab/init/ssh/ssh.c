// SPDX-License-Identifier: GPL-2.0-only
/*
 * Starts the SSH server when the lab asks for it. The agent runs this program as
 * /bin/lab-ssh KEY and reads one line from it: "0 FINGERPRINT", or "ERRNO WHAT" if something
 * failed (docs/agent-protocol.md). Then a process of its own restarts the server if it ends.
 */
#define _GNU_SOURCE
#include "ssh/ssh.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "network.h"
#include "ssh/hostkey.h"
#include "util.h"

#define PORT 22
#define SERVER "/sbin/dropbear"
#define SERVER_LOG "/run/dropbear.log"
#define LOCK "/run/ssh.lock"
#define FINGERPRINT "/run/ssh.fingerprint" /* there once the server has listened */
#define RESTARTS 5

/* The descriptor that the agent reads from. */
static int asker;

static int answer(int err, const char *text)
{
	dprintf(asker, "%d %s\n", err, text);
	close(asker);
	return err ? 1 : 0;
}

/*
 * The agent has set up its process in its own way, and what follows must not inherit that: it is
 * no victim for the kernel that runs out of memory, and commands find the usual limits.
 */
static void leave_agent(void)
{
	struct rlimit files = { 1024, 4096 }; /* as in the kernel's INIT_RLIMITS */

	asker = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
	setsid();
	console_open();
	signal(SIGPIPE, SIG_DFL);
	setrlimit(RLIMIT_NOFILE, &files);
	if (!write_text("/proc/self/oom_score_adj", 0644, "-1000"))
		console_failed("oom_score_adj");
}

static bool key_authorize(const char *key)
{
	char line[600];

	/* SSH servers refuse a home or a key file that others can write to. */
	mkdir("/root", 0700);
	chmod("/root", 0700);
	mkdir("/root/.ssh", 0700);
	chmod("/root/.ssh", 0700);
	snprintf(line, sizeof(line), "ssh-ed25519 %s lab\n", key);
	return write_text("/root/.ssh/authorized_keys", 0600, line);
}

static pid_t server_start(void)
{
	static const char *const argv[] = {
		SERVER, "-F", "-E", "-s", "-j", "-k", "-r", HOST_KEY, "-p", "22", "-W", "1048576",
		"-P", "/run/dropbear.pid", NULL,
	};
	pid_t pid = vfork();
	int log;

	if (pid)
		return pid;
	setsid();
	log = open(SERVER_LOG, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log >= 0) {
		dup2(log, 1);
		dup2(log, 2);
	}
	execv(SERVER, (char *const *)argv);
	_exit(127);
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

/* Has no time limit: the lab has one, and it knows how slow this machine is. */
static bool server_wait(pid_t server)
{
	while (!server_listens()) {
		if (process_ended(server))
			return false;
		pause_ms(1);
	}
	return true;
}

static void server_keep(pid_t server)
{
	int status;

	for (int restarts = 0; restarts <= RESTARTS; restarts++) {
		if (waitpid(server, &status, 0) != server)
			return;
		console_say("LAB-INIT-FAIL dropbear ended with status 0x%x", status);
		pause_ms(100);
		server = server_start();
	}
}

static bool kernel_has_network(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static int serve(const char *key)
{
	int lock = open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char fingerprint[FINGERPRINT_ROOM] = "";
	pid_t server;

	if (lock < 0 || flock(lock, LOCK_EX))
		return answer(errno, LOCK);
	if (!key_authorize(key))
		return answer(errno, "authorized_keys");
	/* The lab may ask again, if its first session did not open. */
	if (read_text(FINGERPRINT, fingerprint, sizeof(fingerprint)))
		return answer(0, fingerprint);
	if (!kernel_has_network())
		return answer(errno, "socket: this kernel has no network");
	network_start();
	if (!hostkey_make(fingerprint))
		return answer(errno, "making a host key");
	server = server_start();
	if (server < 0)
		return answer(errno, "starting " SERVER);
	if (!server_wait(server))
		return answer(ESRCH, SERVER " ended before it listened");
	if (!write_text(FINGERPRINT, 0600, fingerprint))
		return answer(errno, FINGERPRINT);
	close(lock);
	answer(0, fingerprint);
	server_keep(server);
	return 0;
}

/**
 * ssh_main() - Start the SSH server, unless it runs already, and let the lab log in.
 * @key: the lab's public key, the base64 part of an ssh-ed25519 key
 *
 * Return: exit status
 */
int ssh_main(const char *key)
{
	/* The agent waits for its own child only. Init reaps the other one. */
	switch (fork()) {
	case -1:
		asker = STDOUT_FILENO;
		return answer(errno, "fork");
	case 0:
		leave_agent();
		return serve(key);
	default:
		return 0;
	}
}
