// SPDX-License-Identifier: GPL-2.0
// How fast this host's TSC runs, in kHz, measured twice in a row. Runs on the host, not in a machine.
// The clock to go by is CLOCK_MONOTONIC: QEMU's timers follow it, and a kernel in the machine would measure its TSC by those.
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

#define TRIES 200
#define SPAN_NS 10000000

struct look {
	uint64_t tsc;
	uint64_t ns;
};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

// On a busy host anything may come between two instructions. Of many tries, the fastest one was not disturbed.
static struct look look(void)
{
	struct look best = { 0, 0 };
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		uint64_t before = __rdtsc(), ns = now(), after = __rdtsc();

		if (after - before < least) {
			least = after - before;
			best = (struct look){ before + least / 2, ns };
		}
	}
	return best;
}

static double khz(struct look from, struct look to)
{
	return (double)(to.tsc - from.tsc) * 1e6 / (double)(to.ns - from.ns);
}

int main(void)
{
	struct timespec span = { 0, SPAN_NS };
	struct look at[3];

	for (int i = 0; i < 3; i++) {
		if (i > 0)
			nanosleep(&span, NULL);
		at[i] = look();
	}
	printf("%.0f %.0f\n", khz(at[0], at[1]), khz(at[1], at[2]));
	return 0;
}
