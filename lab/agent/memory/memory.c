// SPDX-License-Identifier: GPL-2.0-only
/* Memory of the machine: how much there is, and in pages of which size. */
#define _GNU_SOURCE
#include "memory/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "common/util.h"

/**
 * memory_allow_huge() - Allow huge pages for shared memory where madvise() asks for them.
 */
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
		(void)0; /* hugeKb will show that there are none */
	close(fd);
}

/**
 * memory_huge_kb() - Measure how much of our mappings of shared memory uses huge entries.
 * @from: start of the memory
 * @len: its length in bytes
 *
 * Return: KiB that are mapped by huge entries
 */
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
		} else if (start >= low && stop <= high &&
			   text_number_after(line, "ShmemPmdMapped:", &kb)) {
			sum += kb;
		}
	}
	fclose(f);
	return sum;
}

/**
 * memory_room_for() - Check that there is enough memory for a request.
 * @r: the request
 * @pages: how many pages it needs
 *
 * A request that the machine cannot meet gets ENOMEM at once. Trying would wake the kernel's
 * out-of-memory killer.
 *
 * Return: true, or false after the request has failed
 */
bool memory_room_for(struct request *r, uint64_t pages)
{
	struct sysinfo s;
	char info[4096];
	uint64_t available;

	if (!sysinfo(&s) && (uint64_t)s.freeram * s.mem_unit / 2 > pages * PAGE)
		return true; /* the exact number takes longer than filling a small file */
	if (read_small("/proc/meminfo", info, sizeof(info)) < 0 ||
	    !text_number_after(info, "MemAvailable:", &available))
		return true;
	if (pages * (PAGE / 1024) + 8192 <= available)
		return true;
	return fail_errno(r, ENOMEM, "filling %llu KiB, %llu KiB are available",
			  (unsigned long long)pages * (PAGE / 1024), (unsigned long long)available);
}
