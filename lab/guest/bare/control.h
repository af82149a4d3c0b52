/* SPDX-License-Identifier: GPL-2.0-only */
/* The control page of the bare guest. The linker script puts it at address 0. */
#ifndef GUEST_CONTROL_H
#define GUEST_CONTROL_H

#include "layout.h"

extern struct control control;

#endif
