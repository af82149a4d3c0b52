/* SPDX-License-Identifier: GPL-2.0-only */
/* The operations. Each returns false after one of the fail_* calls. */
#ifndef AGENT_OPS_H
#define AGENT_OPS_H

#include "wire.h"

typedef bool handler(struct request *r);

/* luo.c */
handler op_open, op_create, op_retrieve_session, op_preserve, op_retrieve, op_finish, op_close;
/* memfd.c */
handler op_memfd, op_stat, op_verify;
/* object.c */
handler op_object, op_object_stat, op_versions;
/* pfns.c */
handler op_pfns;
/* load.c */
handler op_load, op_unload, op_kexec, op_go;
/* host.c */
handler op_hello, op_zones, op_finalize, op_die;
/* reserve.c */
handler op_reserve_mem;

#endif
