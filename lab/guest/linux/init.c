// SPDX-License-Identifier: GPL-2.0-only
/*
 * User space of the Linux guest, as process 1. It checks that its memory, its registers and its
 * clocks are as they were, and reports it once for each tick on the serial console.
 * docs/guest-payload.md describes the line.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "spin.h"

#define TICK_COUNTS "t=%llu bad=%llu fpu=%llu"
#define TICK_CLOCKS "boot=%llu mono=%llu real=%llu tsc=%llu"

#define MEGABYTES_MAX 2048
#define STOOD_TICKS 20
#define CHECK_BYTES \
	(1u << 20) /* of memory for each tick; a round over all of it takes some ticks */

static uint64_t clock_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

/* Reads a small file without its last newline. */
static void file_read(const char *path, char *to, size_t room)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, to, room - 1);

	if (fd >= 0)
		close(fd);
	to[n > 0 ? n : 0] = 0;
	to[strcspn(to, "\n")] = 0;
}

static unsigned long cmdline_option(const char *cmdline, const char *name, unsigned long otherwise)
{
	const char *at = strstr(cmdline, name);

	return at ? strtoul(at + strlen(name), NULL, 10) : otherwise;
}

static uint64_t memory_value(uint64_t i)
{
	return (i + 1) * 0x9e3779b97f4a7c15ull;
}

struct memory {
	uint64_t *words;
	uint64_t count, next, bad;
};

static void memory_fill(struct memory *m, unsigned long megabytes)
{
	size_t bytes = megabytes << 20;

	m->words = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	m->count = m->words == MAP_FAILED ? 0 : bytes / sizeof(uint64_t);
	for (uint64_t i = 0; i < m->count; i++)
		m->words[i] = memory_value(i);
}

/* Checks the next part of the memory. A word that differs is counted once, and corrected. */
static void memory_check(struct memory *m)
{
	for (uint64_t n = CHECK_BYTES / sizeof(uint64_t) < m->count ?
				  CHECK_BYTES / sizeof(uint64_t) :
				  m->count;
	     n--; m->next = (m->next + 1) % m->count) {
		if (m->words[m->next] == memory_value(m->next))
			continue;
		m->bad++;
		m->words[m->next] = memory_value(m->next);
	}
}

/*
 * Counts how often registers had changed. A process that made no progress for long, or is gone,
 * counts as well.
 */
static uint64_t spin_bad(const volatile struct spin *s)
{
	static uint64_t last, stood;

	if (!s)
		return 0;
	stood = s->rounds == last ? stood + 1 : 0;
	last = s->rounds;
	return s->bad + (stood > STOOD_TICKS);
}

static void console_say(const char *line)
{
	for (size_t len = strlen(line), done = 0; done < len;) {
		ssize_t n = write(STDOUT_FILENO, line + done, len - done);

		if (n <= 0)
			return;
		done += (size_t)n;
	}
}

static void console_open(void)
{
	int fd = open("/dev/ttyS0", O_RDWR | O_NOCTTY);

	if (fd < 0)
		return;
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

static void tick_pause(struct timespec *next, unsigned long ms)
{
	struct timespec now;

	next->tv_nsec += (long)(ms % 1000) * 1000000;
	next->tv_sec += (time_t)(ms / 1000) + next->tv_nsec / 1000000000;
	next->tv_nsec %= 1000000000;
	clock_gettime(CLOCK_MONOTONIC, &now);
	/* After a long stop, do not catch up. */
	if (now.tv_sec > next->tv_sec)
		*next = now;
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL);
}

int main(void)
{
	char cmdline[2048], id[64], line[256];
	struct memory memory = { 0 };
	const volatile struct spin *spin = NULL;
	struct timespec next;
	unsigned long ms, megabytes;

	mount("proc", "/proc", "proc", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	console_open();
	file_read("/proc/cmdline", cmdline, sizeof(cmdline));
	ms = cmdline_option(cmdline, "lab.ms=", 50);
	megabytes = cmdline_option(cmdline, "lab.mb=", 4);
	memory_fill(&memory, megabytes < MEGABYTES_MAX ? megabytes : MEGABYTES_MAX);
	if (strstr(cmdline, "lab.spin"))
		spin = spin_start();
	clock_gettime(CLOCK_MONOTONIC, &next);
	tick_pause(&next, ms);
	for (uint64_t tick = 1;; tick++) {
		if (memory.count)
			memory_check(&memory);
		file_read("/proc/sys/kernel/random/boot_id", id, sizeof(id));
		snprintf(line, sizeof(line),
			 "LAB-TICK " TICK_COUNTS " id=%.36s " TICK_CLOCKS "\n",
			 (unsigned long long)tick, (unsigned long long)memory.bad,
			 (unsigned long long)spin_bad(spin), id,
			 (unsigned long long)clock_us(CLOCK_BOOTTIME),
			 (unsigned long long)clock_us(CLOCK_MONOTONIC),
			 (unsigned long long)clock_us(CLOCK_REALTIME),
			 (unsigned long long)__builtin_ia32_rdtsc());
		console_say(line);
		tick_pause(&next, ms);
	}
}
