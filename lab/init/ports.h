/* SPDX-License-Identifier: GPL-2.0-only */
/* Virtio-serial ports by name. */
#ifndef INIT_PORTS_H
#define INIT_PORTS_H

#include <stdbool.h>
#include <stddef.h>

bool port_find(const char *name, char *path, size_t room);

#endif
