/* SPDX-License-Identifier: GPL-2.0-only */
/* A kexec that was announced and waits for "go". */
#ifndef AGENT_LOAD_H
#define AGENT_LOAD_H

#include "wire/wire.h"

bool kexec_armed(const struct request *r);
bool kexec_disarm(uint64_t *id);

#endif
