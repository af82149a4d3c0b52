/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef AGENT_LOAD_H
#define AGENT_LOAD_H

#include "wire/wire.h"

/* Is this the "go" that a kexec waits for? */
bool kexec_armed(const struct request *r);
/* Calls a waiting kexec off; true if there was one. */
bool kexec_disarm(uint64_t *id);

#endif
