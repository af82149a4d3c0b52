/* SPDX-License-Identifier: GPL-2.0-only */
/* The network. */
#ifndef INIT_NETWORK_H
#define INIT_NETWORK_H

void network_start(void);

#endif
