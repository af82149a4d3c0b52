/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef INIT_ED25519_H
#define INIT_ED25519_H

/* The public key that belongs to 32 random bytes (RFC 8032). */
void ed25519_public(const unsigned char secret[32], unsigned char public[32]);

#endif
