/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a kernel or an initrd comes from: a path, or a disk with a given serial number. */
#ifndef AGENT_SOURCE_H
#define AGENT_SOURCE_H

#include "wire/wire.h"

int source_open(struct request *r, const char *key, const char *size_key);
void source_close(int fd);

#endif
