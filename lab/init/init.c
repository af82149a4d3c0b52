// SPDX-License-Identifier: GPL-2.0-only
/*
 * Process 1 of the machine. It mounts file systems, starts the agents, writes the readiness mark,
 * and then reaps children. docs/agent-protocol.md describes the mark. If something fails, it
 * writes "LAB-INIT-FAIL what: why" to the console and goes on with the rest. Any other process
 * that runs this program starts the SSH server (ssh/ssh.c).
 *
 * If the machine has the disk of another system, a child does all that, and process 1 becomes that
 * system's (userspace.c).
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
#include "ports.h"
#include "ssh/ssh.h"
#include "userspace.h"
#include "util.h"

#define PORT_NAME "lab.ready"
#define MARK_NAMES "\"bootId\":\"%s\",\"release\":\"%s\""

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

static void announce_ready(const char *cmdline)
{
	char epoch[20] = "0", boot_id[64] = "", line[512];
	struct utsname name;

	uname(&name);
	cmdline_parameter(cmdline, "lab.epoch", epoch, sizeof(epoch));
	read_text("/proc/sys/kernel/random/boot_id", boot_id, sizeof(boot_id));
	snprintf(line, sizeof(line), "{\"ready\":1,\"epoch\":%d," MARK_NAMES ",\"mono\":%.3f}\n",
		 atoi(epoch), boot_id, name.release, clock_seconds(CLOCK_MONOTONIC));
	if (!mark_port(line))
		console_failed("virtio-serial port " PORT_NAME);
	line[strlen(line) - 1] = 0;
	console_say("LAB-READY %s", line);
}

int main(int argc, char **argv)
{
	char cmdline[4096] = "", disk[64];
	double began = clock_seconds(CLOCK_MONOTONIC);

	if (getpid() != 1)
		return argc == 2 ? ssh_main(argv[1]) : 2;
	mount_all();
	console_open();
	umask(022);
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	if (!write_text("/proc/self/oom_score_adj", 0644, "-1000"))
		console_failed("oom_score_adj");
	if (!read_text("/proc/cmdline", cmdline, sizeof(cmdline)))
		console_failed("/proc/cmdline");
	if (userspace_find(disk, sizeof(disk))) {
		userspace_prepare();
		if (fork())
			userspace_become(disk);
		argv[0][0] = '@'; /* systemd lets such a process live until the kernel ends */
	}
	/*
	 * The ports are there: QEMU announces them in order, and that of the mark comes last.
	 */
	agents_start();
	announce_ready(cmdline);
	console_say("LAB-INIT %.3f s from its start to here",
		    clock_seconds(CLOCK_MONOTONIC) - began);
	for (;;) {
		pid_t pid = wait(NULL);

		if (pid < 0)
			pause_ms(1000);
		else
			agent_ended(pid);
	}
}
