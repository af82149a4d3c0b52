// SPDX-License-Identifier: GPL-2.0-only
/* kmemleak: memory of the kernel that nobody points to. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "checkers/debugfs.h"
#include "ops.h"
#include "common/util.h"

#define KMEMLEAK "/sys/kernel/debug/kmemleak"
#define WAIT_MAX_MS 60000u
#define STEP_MS 200u
#define REPORTS_MAX (192u * 1024)

static bool kmemleak_write(struct request *r, const char *word)
{
	int fd = open(KMEMLEAK, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return fail_errno(r, errno, "open " KMEMLEAK);
	if (write(fd, word, strlen(word)) < 0)
		fail_errno(r, errno, "write %s to " KMEMLEAK, word);
	close(fd);
	return !r->error;
}

/* How many objects it follows: those of its own cache that are in use. */
static void kmemleak_count(struct request *r)
{
	static char slabs[256 * 1024];
	uint64_t objects;

	if (read_small("/proc/slabinfo", slabs, sizeof(slabs)) >= 0 &&
	    text_number_after(slabs, "kmemleak_object ", &objects))
		put_u64(r, "objects", objects);
}

/**
 * op_kmemleak() - Operation kmemleak: scan the kernel's memory for objects that nobody points to.
 * @r: the request
 *
 * The first scan only notes what each object holds: one that changes is in use. Only the second
 * one reports, and nothing that is younger than five seconds (mm/kmemleak.c).
 *
 * Return: true, or false after the request has failed
 */
bool op_kmemleak(struct request *r)
{
	uint64_t wait_ms = 0, end;

	if (!request_number(r, "ms", WAIT_MAX_MS, &wait_ms))
		return false;
	end = now_us() + wait_ms * 1000;
	if (!kmemleak_write(r, "scan"))
		return false;
	while (now_us() < end) {
		pause_ms(STEP_MS);
		wire_progress(r, now_us());
	}
	if (!kmemleak_write(r, "scan"))
		return false;
	kmemleak_count(r);
	if (!debugfs_put(r, "reports", KMEMLEAK, REPORTS_MAX))
		return false;
	/* One that ran out of memory while it scanned takes no word any more. */
	return kmemleak_write(r, "stack=on");
}
