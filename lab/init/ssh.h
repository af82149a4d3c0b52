/* SPDX-License-Identifier: GPL-2.0-only */
/* The SSH server. */
#ifndef INIT_SSH_H
#define INIT_SSH_H

#include <stdbool.h>
#include <sys/types.h>

void ssh_authorize(const char *cmdline);
bool ssh_make_host_key(char *fingerprint);
pid_t ssh_start(void);
bool ssh_wait(pid_t server);

#endif
