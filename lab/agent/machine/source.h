/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a kernel or an initrd comes from: a path, or a disk known by its serial number. */
#ifndef AGENT_SOURCE_H
#define AGENT_SOURCE_H

#include "wire/wire.h"

/* Opens the content of key (and keySize) as a regular read-only file; -1 after a fail_* call, also where the key is missing. */
int source_open(struct request *r, const char *key, const char *size_key);

#endif
