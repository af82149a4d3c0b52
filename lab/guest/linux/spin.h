/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process that holds values in SSE registers nearly all the time, and notices when they
 * change.
 */
#ifndef GUEST_SPIN_H
#define GUEST_SPIN_H

#include <stdint.h>

struct spin {
	uint64_t rounds, bad;
};

const volatile struct spin *spin_start(void);

#endif
