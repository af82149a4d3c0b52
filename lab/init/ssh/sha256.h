/* SPDX-License-Identifier: GPL-2.0-only */
/* SHA-256. */
#ifndef INIT_SHA256_H
#define INIT_SHA256_H

#include <stddef.h>

void sha256(const unsigned char *data, size_t len, unsigned char digest[32]);

#endif
