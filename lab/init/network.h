/* SPDX-License-Identifier: GPL-2.0-only */
/* The network. */
#ifndef INIT_NETWORK_H
#define INIT_NETWORK_H

#include <stdbool.h>

bool network_exists(void);
void network_start(void);

#endif
