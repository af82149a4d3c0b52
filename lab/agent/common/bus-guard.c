// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "common/bus-guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

static __thread sigjmp_buf *armed;

static void on_bus(int sig)
{
	if (armed)
		siglongjmp(*armed, 1);
	/* Nobody expected it: it is met again at once, and ends us. */
	signal(sig, SIG_DFL);
}

void bus_guard_install(void)
{
	struct sigaction act = { .sa_handler = on_bus };

	sigaction(SIGBUS, &act, NULL);
}

bool bus_guarded(void (*touch)(void *), void *arg)
{
	sigjmp_buf here, *volatile outer = armed;
	volatile bool whole = false;

	if (!sigsetjmp(here, 1)) {
		armed = &here;
		touch(arg);
		whole = true;
	}
	armed = outer;
	return whole;
}
