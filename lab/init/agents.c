// SPDX-License-Identifier: GPL-2.0-only
/*
 * Starts an agent behind each virtio-serial port lab.agent0, lab.agent1, and so on. An agent that
 * ends is replaced at once: the new one waits until the lab has opened the port.
 */
#define _GNU_SOURCE
#include "agents.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

#include "ports.h"
#include "util.h"

#define AGENT "/bin/agent"
#define AGENT_LOG "/run/agent.log"
#define AGENTS_MAX 24 /* the lab's limit of clients is lower */

#define STARTED_FD 3 /* an agent closes it once it has started */
#define START_MS 2000

static struct agent_port {
	char path[64];
	pid_t pid;
} agent_ports[AGENTS_MAX];
static size_t agent_count;

static void agent_run(const char *path, int started)
{
	int port = open(path, O_RDWR | O_CLOEXEC);
	int log = open(AGENT_LOG, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	setsid();
	if (port < 0) {
		console_failed(path);
		pause_ms(1000);
		_exit(1);
	}
	dup2(port, 0);
	dup2(port, 1);
	if (log >= 0)
		dup2(log, 2);
	if (started == STARTED_FD)
		fcntl(started, F_SETFD, 0);
	else if (started >= 0)
		dup2(started, STARTED_FD);
	/* With this name, systemd as process 1 lets it live until the kernel ends. */
	execl(AGENT, "@agent", "greet", NULL);
	console_failed(AGENT);
	pause_ms(1000);
	_exit(127);
}

/* Returns the end of a pipe that closes once the agent has started, or -1. */
static int agent_start(struct agent_port *p)
{
	int ends[2] = { -1, -1 };

	if (pipe2(ends, O_CLOEXEC))
		console_failed("pipe");
	p->pid = fork();
	if (!p->pid)
		agent_run(p->path, ends[1]);
	if (p->pid < 0)
		console_failed(AGENT);
	if (ends[1] >= 0)
		close(ends[1]);
	return ends[0];
}

/**
 * agents_start() - Start an agent behind every port that is there, and wait until they have
 *   started.
 *
 * A machine that is saved when it is ready then has agents that only wait for the lab: machines
 * that resume from it need not start them.
 */
void agents_start(void)
{
	int started[AGENTS_MAX];
	char name[20];

	for (; agent_count < AGENTS_MAX; agent_count++) {
		struct agent_port *p = &agent_ports[agent_count];

		snprintf(name, sizeof(name), "lab.agent%zu", agent_count);
		if (!port_find(name, p->path, sizeof(p->path)))
			break;
		started[agent_count] = agent_start(p);
	}
	for (size_t i = 0; i < agent_count; i++) {
		struct pollfd end = { .fd = started[i] };
		int ended;

		if (end.fd < 0)
			continue;
		ended = poll(&end, 1, START_MS);
		if (!ended)
			errno = ETIMEDOUT;
		if (ended < 1)
			console_failed(agent_ports[i].path);
		close(end.fd);
	}
}

/**
 * agent_ended() - Replace an agent that has ended.
 * @pid: a process that has ended
 *
 * Return: false if it was no agent of ours
 */
bool agent_ended(pid_t pid)
{
	for (size_t i = 0; i < agent_count; i++)
		if (agent_ports[i].pid == pid) {
			int started = agent_start(&agent_ports[i]);

			if (started >= 0)
				close(started);
			return true;
		}
	return false;
}
