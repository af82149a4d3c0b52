/* SPDX-License-Identifier: GPL-2.0-only */
/* A device of the guest. */
#ifndef GUEST_DEVICE_H
#define GUEST_DEVICE_H

#include "layout.h"

void device_tick(struct bare_device *d, uint32_t seed, uint32_t number, uint64_t tick);

#endif
