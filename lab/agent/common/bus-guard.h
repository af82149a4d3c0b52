/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages of a shared mapping can be missing: a hole that no memory is left for, a file that came back damaged. Touching one raises SIGBUS,
 * which must end the operation and not the agent: everything that it holds would go with it.
 */
#ifndef AGENT_BUS_GUARD_H
#define AGENT_BUS_GUARD_H

#include <stdbool.h>

void bus_guard_install(void);
/* Calls touch(arg); false if a SIGBUS cut it short. Calls may nest: the innermost takes the signal. Holds for the calling thread only. */
bool bus_guarded(void (*touch)(void *), void *arg);

#endif
