/* SPDX-License-Identifier: GPL-2.0-only */
/* The operations. Each returns false after the request has failed. */
#ifndef AGENT_OPS_H
#define AGENT_OPS_H

#include "wire/wire.h"

typedef bool handler(struct request *r);

/* luo/luo.c */
handler op_open, op_create, op_retrieve_session, op_preserve, op_retrieve, op_finish, op_get_name,
	op_close;
/* memory/memfd.c, memory/stat.c, content/verify.c */
handler op_memfd, op_stat, op_verify;
/* memory/change.c */
handler op_write, op_truncate, op_fallocate, op_seal, op_reopen, op_seek;
/* luo/raw.c */
handler op_ioctl, op_link;
/* luo/descriptor.c */
handler op_descriptor, op_open_path, op_open_memfd, op_open_ioctl, op_describe;
/* luo/pass.c */
handler op_send, op_receive;
/* luo/object.c */
handler op_object, op_object_stat, op_versions;
/* memory/pfns.c */
handler op_pfns;
/* machine/load.c */
handler op_load, op_unload, op_kexec, op_go;
/* machine/host.c */
handler op_hello, op_zones, op_settle, op_finalize, op_die;
/* machine/kmemleak.c, machine/page-owner.c */
handler op_kmemleak, op_page_owners, op_page_stacks;
/* machine/ssh.c, machine/renew.c, machine/userspace.c */
handler op_ssh, op_renew, op_userspace;
/* vfio/bind.c */
handler op_vfio_bind;
/* vfio/open.c, vfio/list.c */
handler op_vfio_open, op_vfio_close;
/* vfio/map.c */
handler op_vfio_map, op_vfio_unmap, op_vfio_attach;
/* vfio/region.c */
handler op_vfio_config, op_vfio_region;
/* edu/edu.c, edu/dma.c */
handler op_edu_state, op_edu_set, op_vfio_irq, op_edu_dma, op_edu_start, op_edu_wait;
/* guest/ */
handler op_guest_create, op_guest_run, op_guest_pause, op_guest_resume, op_guest_close,
	op_guest_save, op_guest_restore, op_guest_stat, op_guest_wait, op_guest_check,
	op_guest_attach;
/* luo/reserve.c */
handler op_reserve_mem;

#endif
