// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "legacy.h"

#include <errno.h>

bool legacy_load(struct request *r, int kernel, int initrd, const char *cmdline)
{
	(void)kernel; (void)initrd; (void)cmdline;
	return fail_errno(r, ENOSYS, "kexec_load");
}
