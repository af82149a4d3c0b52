/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine's host key. */
#ifndef INIT_HOSTKEY_H
#define INIT_HOSTKEY_H

#include <stdbool.h>

#define HOST_KEY "/run/hostkey"
#define FINGERPRINT_ROOM 64

bool hostkey_make(char fingerprint[FINGERPRINT_ROOM]);

#endif
