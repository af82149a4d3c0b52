// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "memory/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "common/util.h"

void memory_allow_huge(void)
{
	static const char path[] = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
	static bool done;
	char now[256];
	int fd;

	if (done)
		return;
	done = true;
	if (read_small(path, now, sizeof(now)) < 0 || !strstr(now, "[never]"))
		return;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, "advise", 6) < 0)
		(void)0; /* hugeKb will say that there are none */
	close(fd);
}

uint64_t memory_huge_kb(void *from, size_t len)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	char line[512];
	uint64_t sum = 0, start = 0, stop = 0, kb;
	unsigned long low = (unsigned long)from, high = low + len;

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		unsigned long a, b;

		if (sscanf(line, "%lx-%lx ", &a, &b) == 2) {
			start = a;
			stop = b;
		} else if (start >= low && stop <= high && number_after(line, "ShmemPmdMapped:", &kb)) {
			sum += kb;
		}
	}
	fclose(f);
	return sum;
}

bool memory_room_for(struct request *r, uint64_t pages)
{
	struct sysinfo s;
	char info[4096];
	uint64_t available;

	if (!sysinfo(&s) && (uint64_t)s.freeram * s.mem_unit / 2 > pages * PAGE)
		return true; /* the exact number costs more than a small file */
	if (read_small("/proc/meminfo", info, sizeof(info)) < 0 || !number_after(info, "MemAvailable:", &available))
		return true;
	if (pages * (PAGE / 1024) + 8192 <= available)
		return true;
	return fail_errno(r, ENOMEM, "filling %llu KiB, %llu KiB are available", (unsigned long long)pages * (PAGE / 1024),
			  (unsigned long long)available);
}
