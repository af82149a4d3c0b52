/* SPDX-License-Identifier: GPL-2.0-only */
/* The SSH server, which starts when the lab asks for it. */
#ifndef INIT_SSH_H
#define INIT_SSH_H

int ssh_main(const char *key);

#endif
