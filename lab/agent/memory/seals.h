/* SPDX-License-Identifier: GPL-2.0-only */
/* Seals of memfds by name. */
#ifndef AGENT_SEALS_H
#define AGENT_SEALS_H

#include "wire/wire.h"

/* The request's list "seals"; none if there is no such key. */
bool parse_seals(struct request *r, unsigned *seals);
void put_seals(struct request *r, unsigned seals);

#endif
