/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef AGENT_LIFETIME_H
#define AGENT_LIFETIME_H

void lifetime_of_first_thread(void);

#endif
