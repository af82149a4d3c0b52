/* SPDX-License-Identifier: GPL-2.0-only */
/* The agents, one behind each virtio-serial port of the lab. */
#ifndef INIT_AGENTS_H
#define INIT_AGENTS_H

#include <stdbool.h>
#include <sys/types.h>

void agents_start(void);
bool agent_ended(pid_t pid);

#endif
