// SPDX-License-Identifier: GPL-2.0-only
/*
 * Survives missing pages. A page of a shared mapping may be missing: a hole for which there is
 * no memory left, or a file that came back damaged. Touching it raises SIGBUS. That must end
 * the operation, and not the agent with all that it holds.
 */
#define _GNU_SOURCE
#include "common/bus-guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

struct bus_guard {
	sigjmp_buf here;
};

static __thread struct bus_guard *bus_guard_armed;

static void bus_guard_signal(int sig)
{
	if (bus_guard_armed)
		siglongjmp(bus_guard_armed->here, 1);
	/* Nothing guards this access. It will fault again, and that ends the agent. */
	signal(sig, SIG_DFL);
}

/**
 * bus_guard_install() - Install the handler of SIGBUS.
 */
void bus_guard_install(void)
{
	struct sigaction act = { .sa_handler = bus_guard_signal };

	sigaction(SIGBUS, &act, NULL);
}

/**
 * bus_guarded() - Call a function that touches memory which may be missing.
 * @touch: the function
 * @arg: its argument
 *
 * Calls may nest: the innermost one takes the signal. The guard holds for the calling thread
 * only.
 *
 * Return: false if a SIGBUS cut the function short
 */
bool bus_guarded(void (*touch)(void *), void *arg)
{
	struct bus_guard guard, *volatile outer = bus_guard_armed;
	volatile bool whole = false;

	if (!sigsetjmp(guard.here, 1)) {
		bus_guard_armed = &guard;
		touch(arg);
		whole = true;
	}
	bus_guard_armed = outer;
	return whole;
}
