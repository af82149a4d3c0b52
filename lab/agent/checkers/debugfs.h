/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef AGENT_DEBUGFS_H
#define AGENT_DEBUGFS_H

#include "wire/wire.h"

bool debugfs_put(struct request *r, const char *key, const char *path, size_t max);

#endif
