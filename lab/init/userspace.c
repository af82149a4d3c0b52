// SPDX-License-Identifier: GPL-2.0-only
/*
 * Another system as user space: process 1 becomes that system's own, once the lab asks for it.
 *
 * The root of that system is a read-only image on the disk with the serial number "userspace". A
 * layer in memory lies over it, so that it can be written to. The agents stay where they are: in
 * the initramfs, as children of a process of their own. The agent's operation userspace sends
 * SIGUSR1 and listens on SOCKET, where systemd says that it is up (sd_notify(3)), or this program
 * says what went wrong.
 */
#define _GNU_SOURCE
#include "userspace.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util.h"

#define DISKS "/sys/block"
#define SERIAL "userspace"
#define SOCKET "lab.userspace" /* abstract; the agent binds it */
#define AT "/userspace"
#define LOWER AT "/image"
#define LAYER AT "/layer"
#define ROOT AT "/root"
#define LAYERS "lowerdir=" LOWER ",upperdir=" LAYER "/upper,workdir=" LAYER "/work"
#define PROCESS_1 "/usr/lib/systemd/systemd"

/**
 * userspace_find() - Find the disk with the other system.
 * @path: where the path of the device goes
 * @room: size of @path
 *
 * Return: false if there is no such disk
 */
bool userspace_find(char *path, size_t room)
{
	DIR *dir = opendir(DISKS);
	struct dirent *e;
	bool found = false;

	while (dir && !found && (e = readdir(dir))) {
		char at[300], text[32];

		if (e->d_name[0] == '.')
			continue;
		snprintf(at, sizeof(at), DISKS "/%s/serial", e->d_name);
		found = read_text(at, text, sizeof(text)) && !strcmp(text, SERIAL) &&
			snprintf(path, room, "/dev/%s", e->d_name) < (int)room;
	}
	if (dir)
		closedir(dir);
	return found;
}

static void wanted_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGUSR1);
}

/**
 * userspace_prepare() - Make sure that the request of the lab is not missed.
 *
 * Process 1 does not get a signal that it neither blocks nor handles.
 */
void userspace_prepare(void)
{
	sigset_t wanted;

	wanted_set(&wanted);
	sigprocmask(SIG_BLOCK, &wanted, NULL);
}

static void tell(const char *what)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = errno;
	char line[200];

	console_failed(what);
	snprintf(line, sizeof(line), "LAB_FAILED=%d %s", err, what);
	memcpy(to.sun_path + 1, SOCKET, strlen(SOCKET));
	if (fd < 0)
		return;
	if (sendto(fd, line, strlen(line), 0, (struct sockaddr *)&to,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(SOCKET))) < 0)
		console_failed(SOCKET);
	close(fd);
}

/* Returns what failed, or NULL. */
static const char *root_mount(const char *disk)
{
	static const char *const folders[] = { AT, LOWER, LAYER, ROOT };

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		mkdir(folders[i], 0755);
	if (mount(disk, LOWER, "erofs", MS_RDONLY, NULL))
		return "mount the image";
	if (mount("tmpfs", LAYER, "tmpfs", 0, "mode=0755"))
		return "mount " LAYER;
	if (mkdir(LAYER "/upper", 0755) || mkdir(LAYER "/work", 0755))
		return "mkdir in " LAYER;
	if (mount("overlay", ROOT, "overlay", 0, LAYERS))
		return "mount " ROOT;
	return NULL;
}

static const char *root_enter(void)
{
	if (chdir(ROOT))
		return "chdir " ROOT;
	if (mount(".", "/", NULL, MS_MOVE, NULL))
		return "move the root";
	if (chroot(".") || chdir("/"))
		return "chroot";
	return NULL;
}

/**
 * userspace_become() - Wait until the lab asks for the other system, and become its process 1.
 * @disk: the device of its image
 */
void userspace_become(const char *disk)
{
	static char *const argv[] = { PROCESS_1, NULL };
	static char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TERM=dumb",
				     "NOTIFY_SOCKET=@" SOCKET, NULL };
	const char *failed;
	sigset_t wanted;
	int which;

	wanted_set(&wanted);
	signal(SIGCHLD, SIG_IGN); /* nobody else reaps what the agents leave behind */
	sigwait(&wanted, &which);
	failed = root_mount(disk);
	if (!failed)
		failed = root_enter();
	if (!failed) {
		signal(SIGCHLD, SIG_DFL);
		sigprocmask(SIG_UNBLOCK, &wanted, NULL);
		execve(PROCESS_1, argv, env);
		failed = PROCESS_1;
	}
	tell(failed);
	for (;;)
		pause(); /* the agents go on */
}
