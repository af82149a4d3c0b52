/* SPDX-License-Identifier: GPL-2.0-only */
/* Another system as user space, with its own process 1. */
#ifndef INIT_USERSPACE_H
#define INIT_USERSPACE_H

#include <stdbool.h>
#include <stddef.h>

bool userspace_find(char *path, size_t room);
void userspace_prepare(void);
void userspace_become(const char *disk) __attribute__((noreturn));

#endif
