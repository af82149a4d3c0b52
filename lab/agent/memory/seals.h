/* SPDX-License-Identifier: GPL-2.0-only */
/* Seals of memfds by name. */
#ifndef AGENT_SEALS_H
#define AGENT_SEALS_H

#include "wire/wire.h"

bool parse_seals(struct request *r, unsigned int *seals);
void put_seals(struct request *r, unsigned int seals);

#endif
