/* SPDX-License-Identifier: GPL-2.0-only */
/* kexec_load(2), the older call to load a kernel. */
#ifndef AGENT_LEGACY_H
#define AGENT_LEGACY_H

#include "wire/wire.h"

bool legacy_load(struct request *r, int kernel, int initrd, const char *cmdline);

#endif
