/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef AGENT_LUO_H
#define AGENT_LUO_H

/* The descriptor of /dev/liveupdate; -1 if it is closed. */
int luo_device_fd(void);

#endif
