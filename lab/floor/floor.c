// SPDX-License-Identifier: GPL-2.0
/*
 * The least that a live update needs, as the init of a machine without the lab. `npm run bench`
 * compares the lab with it. First life: make one session and one memfd of 64 MiB, fill and
 * preserve it, load the next kernel and start it. Second life: retrieve it, compare every word,
 * finish, power off. The next kernel is /next, its initramfs /initrd.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../agent/compat.h"

#define SIZE (64UL << 20)
#define WORDS (SIZE / sizeof(uint64_t))

static uint64_t floor_word(uint64_t i)
{
	return i * 0x9e3779b97f4a7c15ULL;
}

static void floor_check(int failed, const char *what)
{
	if (!failed)
		return;
	printf("FLOOR FAIL %s: %s\n", what, strerror(errno));
	fflush(stdout);
	reboot(RB_POWER_OFF);
}

static uint64_t *floor_map(int fd)
{
	void *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	floor_check(p == MAP_FAILED, "mmap");
	return p;
}

static void floor_hand_over(int device, const char *cmdline)
{
	struct liveupdate_ioctl_create_session session = { .size = sizeof(session), .name = "vm0" };
	struct liveupdate_session_preserve_fd preserve = { .size = sizeof(preserve), .token = 1 };
	char next[4096];
	int kernel, initrd;
	uint64_t *p;

	floor_check(ioctl(device, LIVEUPDATE_IOCTL_CREATE_SESSION, &session), "create");
	preserve.fd = memfd_create("ram", 0);
	floor_check(ftruncate(preserve.fd, SIZE), "ftruncate");
	p = floor_map(preserve.fd);
	for (uint64_t i = 0; i < WORDS; i++)
		p[i] = floor_word(i);
	floor_check(ioctl(session.fd, LIVEUPDATE_SESSION_PRESERVE_FD, &preserve), "preserve");
	kernel = open("/next", O_RDONLY);
	initrd = open("/initrd", O_RDONLY);
	snprintf(next, sizeof(next), "%s floor=2", cmdline);
	floor_check(syscall(SYS_kexec_file_load, kernel, initrd, strlen(next) + 1, next, 0UL),
		    "kexec_file_load");
	reboot(RB_KEXEC);
	floor_check(1, "kexec");
}

static void floor_take_over(int device)
{
	struct liveupdate_ioctl_retrieve_session session = { .size = sizeof(session),
							     .name = "vm0" };
	struct liveupdate_session_retrieve_fd retrieve = { .size = sizeof(retrieve), .token = 1 };
	struct liveupdate_session_finish finish = { .size = sizeof(finish) };
	uint64_t bad = 0;
	uint64_t *p;

	floor_check(ioctl(device, LIVEUPDATE_IOCTL_RETRIEVE_SESSION, &session), "retrieve session");
	floor_check(ioctl(session.fd, LIVEUPDATE_SESSION_RETRIEVE_FD, &retrieve), "retrieve");
	p = floor_map(retrieve.fd);
	for (uint64_t i = 0; i < WORDS; i++)
		bad += p[i] != floor_word(i);
	floor_check(ioctl(session.fd, LIVEUPDATE_SESSION_FINISH, &finish), "finish");
	printf("FLOOR OK bad=%lu\n", bad);
	fflush(stdout);
	reboot(RB_POWER_OFF);
}

int main(void)
{
	char cmdline[4000] = "";
	ssize_t n;
	int fd;

	mount("proc", "/proc", "proc", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	fd = open("/proc/cmdline", O_RDONLY);
	n = read(fd, cmdline, sizeof(cmdline) - 1);
	close(fd);
	if (n > 0 && cmdline[n - 1] == '\n')
		cmdline[n - 1] = 0;
	fd = open("/dev/liveupdate", O_RDWR);
	floor_check(fd < 0, "open /dev/liveupdate");
	if (strstr(cmdline, "floor=2"))
		floor_take_over(fd);
	floor_hand_over(fd, cmdline);
	return 0;
}
