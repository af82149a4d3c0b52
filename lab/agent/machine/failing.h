/* SPDX-License-Identifier: GPL-2.0-only */
/* Makes one allocation of an operation fail. */
#ifndef AGENT_FAILING_H
#define AGENT_FAILING_H

#include "wire/wire.h"

bool failing_run(struct request *r, void (*run)(struct request *r));

#endif
