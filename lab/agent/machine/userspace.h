/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef AGENT_USERSPACE_H
#define AGENT_USERSPACE_H

#include <stdbool.h>

bool userspace_runs(void);
bool userspace_kexec(void);

#endif
