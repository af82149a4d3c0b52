/* SPDX-License-Identifier: GPL-2.0-only */
/* What guest-create and guest-restore have in common. */
#ifndef AGENT_GUEST_OPS_H
#define AGENT_GUEST_OPS_H

#include "guest/guest.h"

bool guest_map_ram(struct request *r, struct guest *g, int fd);
uint32_t guest_needs(const struct guest *g);
void guest_put_identity(struct request *r, const struct guest *g);

#endif
