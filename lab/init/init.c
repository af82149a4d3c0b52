// SPDX-License-Identifier: GPL-2.0-only
/*
 * Process 1 of the machine. It mounts file systems, starts the network, the SSH server and the
 * agents, writes the readiness mark, and then reaps children. docs/agent-protocol.md describes the
 * mark. If something fails, it writes "LAB-INIT-FAIL what: why" to the console and goes on with
 * the rest.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agents.h"
#include "network.h"
#include "ports.h"
#include "ssh.h"
#include "util.h"

#define PORT_NAME "lab.ready"
#define MARK_NAMES "\"bootId\":\"%s\",\"release\":\"%s\",\"hostkey\":\"%s\""
#define RESTARTS 5

static void mount_all(void)
{
	static const struct { const char *type, *at, *options;
	} list[] = {
		{ "devtmpfs", "/dev", "mode=0755" },
		{ "proc", "/proc", NULL },
		{ "sysfs", "/sys", NULL },
		{ "devpts", "/dev/pts", "ptmxmode=0666,mode=0620" },
		{ "debugfs", "/sys/kernel/debug", NULL },
		{ "tmpfs", "/tmp", "mode=1777" },
		{ "tmpfs", "/run", "mode=0755" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		mkdir(list[i].at, 0755);
		if (mount(list[i].type, list[i].at, list[i].type, 0, list[i].options) &&
		    errno != EBUSY)
			console_failed(list[i].at);
	}
}

static bool mark_port(const char *line)
{
	char path[64];
	bool done;
	int fd;

	if (!port_find(PORT_NAME, path, sizeof(path))) {
		errno = ENODEV;
		return false;
	}
	fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	done = fd >= 0 && write(fd, line, strlen(line)) == (ssize_t)strlen(line);
	if (fd >= 0)
		close(fd);
	return done;
}

static void announce_ready(const char *cmdline, const char *fingerprint)
{
	char epoch[20] = "0", boot_id[64] = "", line[512];
	struct utsname name;

	uname(&name);
	cmdline_parameter(cmdline, "lab.epoch", epoch, sizeof(epoch));
	read_text("/proc/sys/kernel/random/boot_id", boot_id, sizeof(boot_id));
	snprintf(line, sizeof(line), "{\"ready\":1,\"epoch\":%d," MARK_NAMES ",\"mono\":%.3f}\n",
		 atoi(epoch), boot_id, name.release, fingerprint, clock_seconds(CLOCK_MONOTONIC));
	if (!mark_port(line))
		console_failed("virtio-serial port " PORT_NAME);
	line[strlen(line) - 1] = 0;
	console_say("LAB-READY %s", line);
}

/*
 * Reaps children until that process has ended, and replaces agents. If there is no such process,
 * it never returns.
 */
static void reap_until(pid_t last)
{
	int status;
	pid_t pid;

	while ((pid = wait(&status)) != last || pid < 0)
		if (pid < 0)
			pause_ms(1000);
		else
			agent_ended(pid);
	console_say("LAB-INIT-FAIL dropbear ended with status 0x%x", status);
}

int main(void)
{
	char cmdline[4096] = "", fingerprint[64] = "";
	double began = clock_seconds(CLOCK_MONOTONIC);
	bool announced = false, network;
	pid_t server = -1;

	mount_all();
	console_open();
	umask(022);
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	if (!write_text("/proc/self/oom_score_adj", 0644, "-1000"))
		console_failed("oom_score_adj");
	network = network_exists();
	if (network && !ssh_make_host_key(fingerprint))
		console_failed("host key");
	/*
	 * The server starts slowly. It needs neither network nor key until somebody connects.
	 */
	if (network)
		server = ssh_start();
	if (!read_text("/proc/cmdline", cmdline, sizeof(cmdline)))
		console_failed("/proc/cmdline");
	if (network) {
		ssh_authorize(cmdline);
		network_start();
	}
	for (int restarts = 0;; restarts++) {
		if ((!network || (server > 0 && ssh_wait(server))) && !announced) {
			/*
			 * The ports are there: QEMU announces them in order, and that of the mark
			 * comes last.
			 */
			agents_start();
			announce_ready(cmdline, fingerprint);
			console_say("LAB-INIT %.3f s from its start to here",
				    clock_seconds(CLOCK_MONOTONIC) - began);
			announced = true;
		}
		reap_until(server);
		pause_ms(100);
		server = restarts < RESTARTS ? ssh_start() : -1;
	}
}
