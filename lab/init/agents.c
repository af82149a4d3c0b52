// SPDX-License-Identifier: GPL-2.0-only
/*
 * Starts an agent behind each virtio-serial port lab.agent0, lab.agent1, and so on. An agent that
 * ends is replaced at once: the new one waits until the lab has opened the port.
 */
#define _GNU_SOURCE
#include "agents.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ports.h"
#include "util.h"

#define AGENT "/bin/agent"
#define AGENT_LOG "/run/agent.log"
#define AGENTS_MAX 24 /* the lab's limit of clients is lower */

/* docs/agent-protocol.md: the first line of an agent, so that the lab sees that it is a new one. */
#define GREETING "{\"agent\":1}\n"

static struct agent_port {
	char path[64];
	pid_t pid;
} agent_ports[AGENTS_MAX];
static size_t agent_count;

/* Writing blocks until the lab has opened its end of the port. */
static void agent_run(const char *path)
{
	int port = open(path, O_RDWR | O_CLOEXEC);
	int log = open(AGENT_LOG, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	setsid();
	if (port < 0 || write(port, GREETING, strlen(GREETING)) < 0) {
		console_failed(path);
		pause_ms(1000);
		_exit(1);
	}
	dup2(port, 0);
	dup2(port, 1);
	if (log >= 0)
		dup2(log, 2);
	execl(AGENT, AGENT, NULL);
	console_failed(AGENT);
	pause_ms(1000);
	_exit(127);
}

static void agent_start(struct agent_port *p)
{
	p->pid = fork();
	if (!p->pid)
		agent_run(p->path);
	if (p->pid < 0)
		console_failed(AGENT);
}

/**
 * agents_start() - Start an agent behind every port that is there.
 */
void agents_start(void)
{
	char name[20];

	for (; agent_count < AGENTS_MAX; agent_count++) {
		struct agent_port *p = &agent_ports[agent_count];

		snprintf(name, sizeof(name), "lab.agent%zu", agent_count);
		if (!port_find(name, p->path, sizeof(p->path)))
			return;
		agent_start(p);
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
			agent_start(&agent_ports[i]);
			return true;
		}
	return false;
}
