// SPDX-License-Identifier: GPL-2.0
/*
 * Measures the speed of this host's TSC in kHz, twice in a row. This runs on the host, not in a
 * machine. It compares the TSC with CLOCK_MONOTONIC, because the timers of QEMU follow that clock,
 * and a kernel in the machine would measure its TSC with these timers.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

#define TRIES 200
#define SPAN_NS 10000000

struct tsc_look {
	uint64_t tsc;
	uint64_t ns;
};

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* On a busy host much can happen between two instructions. The fastest try was not disturbed. */
static struct tsc_look tsc_look(void)
{
	struct tsc_look best = { 0, 0 };
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		uint64_t before = __rdtsc(), ns = clock_ns(), after = __rdtsc();

		if (after - before < least) {
			least = after - before;
			best = (struct tsc_look){ before + least / 2, ns };
		}
	}
	return best;
}

static double tsc_khz(struct tsc_look from, struct tsc_look to)
{
	return (double)(to.tsc - from.tsc) * 1e6 / (double)(to.ns - from.ns);
}

int main(void)
{
	struct timespec span = { 0, SPAN_NS };
	struct tsc_look at[3];

	for (int i = 0; i < 3; i++) {
		if (i > 0)
			nanosleep(&span, NULL);
		at[i] = tsc_look();
	}
	printf("%.0f %.0f\n", tsc_khz(at[0], at[1]), tsc_khz(at[1], at[2]));
	return 0;
}
