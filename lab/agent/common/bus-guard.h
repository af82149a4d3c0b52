/* SPDX-License-Identifier: GPL-2.0-only */
/* A guard against missing pages of shared mappings. */
#ifndef AGENT_BUS_GUARD_H
#define AGENT_BUS_GUARD_H

#include <stdbool.h>

void bus_guard_install(void);
bool bus_guarded(void (*touch)(void *), void *arg);

#endif
