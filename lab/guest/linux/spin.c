// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process that holds values in SSE registers nearly all the time, and notices when they
 * change.
 */
#define _GNU_SOURCE
#include "spin.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * Long enough that a stop nearly always falls into it, short enough to count rounds. Nothing
 * else may use SSE in between.
 */
static void spin_hold(const uint64_t (*values)[2], uint64_t (*got)[2])
{
	__asm__ volatile("movdqu (%1), %%xmm6\n"
			 "movdqu 16(%1), %%xmm7\n"
			 "mov $20000, %%ecx\n"
			 "1: dec %%ecx\n"
			 "jnz 1b\n"
			 "movdqu %%xmm6, (%0)\n"
			 "movdqu %%xmm7, 16(%0)\n"
			 :
			 : "r"(got), "r"(values)
			 : "ecx", "xmm6", "xmm7", "memory");
}

static void spin_forever(volatile struct spin *s)
{
	static const uint64_t values[2][2] = { { 0x1111222233334444, 0xdeadbeefcafef00d },
					       { 0x0123456789abcdef, 0xfedcba9876543210 } };
	uint64_t got[2][2];

	for (;;) {
		spin_hold(values, got);
		s->rounds++;
		if (memcmp(got, values, sizeof(got)))
			s->bad++;
	}
}

/**
 * spin_start() - Start the process.
 *
 * Return: memory that is shared with the process, or NULL if it cannot be made
 */
const volatile struct spin *spin_start(void)
{
	struct spin *s =
		mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child;

	if (s == MAP_FAILED)
		return NULL;
	child = fork();
	if (child < 0)
		return NULL;
	if (child == 0) {
		setpriority(PRIO_PROCESS, 0, 19); /* everything else goes first */
		spin_forever(s);
	}
	return s;
}
