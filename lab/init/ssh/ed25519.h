/* SPDX-License-Identifier: GPL-2.0-only */
/* The public key of an SSH host key. */
#ifndef INIT_ED25519_H
#define INIT_ED25519_H

void ed25519_public(const unsigned char secret[32], unsigned char public[32]);

#endif
