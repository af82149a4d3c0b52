// SPDX-License-Identifier: GPL-2.0-only
/* What the running kernel says about itself. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "ops.h"
#include "common/util.h"
#include "compat.h"

#define PROTOCOL 1

/**
 * op_hello() - Operation hello: report the protocol, the kernel and this process.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_hello(struct request *r)
{
	struct utsname name;
	struct timespec up;
	char boot_id[64] = "", uptime[32];

	uname(&name);
	clock_gettime(CLOCK_BOOTTIME, &up);
	read_small("/proc/sys/kernel/random/boot_id", boot_id, sizeof(boot_id));
	put_u64(r, "protocol", PROTOCOL);
	put_str(r, "release", name.release);
	put_str(r, "bootId", boot_id);
	put_bool(r, "device", access("/dev/liveupdate", F_OK) == 0);
	put_u64(r, "pid", (uint64_t)getpid());
	put_u64(r, "pageSize", (uint64_t)sysconf(_SC_PAGESIZE));
	snprintf(uptime, sizeof(uptime), "%lld.%06ld", (long long)up.tv_sec, up.tv_nsec / 1000);
	put_raw(r, "uptime");
	text_str(r->body, uptime);
	return true;
}

/* Who uses the memory that is not free. */
static const struct {
	const char *word, *key;
} of_meminfo[] = {
	{ "MemFree:", "memFreeKb" },
	{ "MemAvailable:", "memAvailableKb" },
	{ "AnonPages:", "anonKb" },
	{ "Slab:", "slabKb" },
	{ "SUnreclaim:", "slabUnreclaimableKb" },
	{ "KernelStack:", "kernelStackKb" },
	{ "PageTables:", "pageTablesKb" },
	{ "VmallocUsed:", "vmallocKb" },
};

/**
 * op_zones() - Operation zones: report how much memory is free and who uses the rest.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_zones(struct request *r)
{
	static char text[256 * 1024];
	uint64_t managed = 0, free_pages = 0, on_cpus = 0, n;

	/*
	 * Each CPU has changes that it has not added to the counts yet. Reading this file adds
	 * them (mm/vmstat.c). If that fails, the counts are a little older.
	 */
	read_small("/proc/sys/vm/stat_refresh", text, sizeof(text));
	if (read_small("/proc/zoneinfo", text, sizeof(text)) < 0)
		return fail_errno(r, errno, "read /proc/zoneinfo");
	for (char *line = text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		if (text_number_after(line, "managed ", &n))
			managed += n;
		else if (text_number_after(line, "pages free ", &n))
			free_pages += n;
		else if (text_number_after(line, "count:", &n))
			on_cpus += n;
	}
	put_u64(r, "managed", managed);
	put_u64(r, "free", free_pages);
	/*
	 * These pages are free, too. They are on the list of a CPU, which takes pages from
	 * there first.
	 */
	put_u64(r, "freeOnCpus", on_cpus);
	if (read_small("/proc/meminfo", text, sizeof(text)) < 0)
		return fail_errno(r, errno, "read /proc/meminfo");
	for (size_t i = 0; i < ARRAY_SIZE(of_meminfo); i++)
		if (text_number_after(text, of_meminfo[i].word, &n))
			put_u64(r, of_meminfo[i].key, n);
	return true;
}

/**
 * op_settle() - Operation settle: drain the batches of pages that each CPU holds.
 * @r: the request
 *
 * Each CPU has a batch of pages on their way to an LRU list, and holds a reference to each
 * (mm/swap.c). MADV_COLLAPSE first drains all batches (mm/khugepaged.c, 6.1 to 7.3), whatever
 * it then does with the memory in question.
 *
 * Return: true, or false after the request has failed
 */
bool op_settle(struct request *r)
{
	size_t huge = 2u << 20;
	char *map =
		mmap(NULL, 2 * huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *at = (char *)(((uintptr_t)map + huge - 1) & ~(huge - 1));

	if (map == MAP_FAILED)
		return fail_errno(r, errno, "mmap");
	*at = 1;
	/* EINVAL: this kernel does not know the call, so nothing was drained. */
	if (madvise(at, huge, MADV_COLLAPSE) && errno == EINVAL)
		fail_errno(r, errno, "MADV_COLLAPSE");
	munmap(map, 2 * huge);
	return !r->error;
}

/**
 * op_finalize() - Operation finalize: finalize the handover where the kernel must be told to.
 * @r: the request
 *
 * On 6.18 nothing is handed over without it, and it must come before the load. On 6.19 LUO does
 * it in the reboot call, so it is needed only with liveupdate=off. From 7.1 on the file does
 * not exist.
 *
 * Return: true, or false after the request has failed
 */
bool op_finalize(struct request *r)
{
	static const char path[] = "/sys/kernel/debug/kho/out/finalize";
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = errno;

	put_bool(r, "present", fd >= 0 || err != ENOENT);
	if (fd < 0)
		return err == ENOENT || fail_errno(r, err, "open %s", path);
	if (write(fd, "1", 1) != 1)
		fail_errno(r, errno, "write %s", path);
	close(fd);
	return !r->error;
}

/**
 * op_die() - Operation die: kill this process.
 * @r: the request
 *
 * Return: true, or false after the request has failed
 */
bool op_die(struct request *r)
{
	(void)r;
	wire_flush();
	kill(getpid(), SIGKILL);
	return true;
}
