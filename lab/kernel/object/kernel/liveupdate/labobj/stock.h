/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The components of the kernel itself, with the versions of its ABI headers. kho is missing,
 * because not all kernels have it as a token.
 */
#ifndef _LABOBJ_STOCK_H
#define _LABOBJ_STOCK_H

#include <linux/kho/abi/luo.h>
#include <linux/kho/abi/memfd.h>
#include <linux/stringify.h>
#if __has_include("linux/kho/abi/kexec_metadata.h")
#include <linux/kho/abi/kexec_metadata.h>
#endif
#if __has_include("linux/kho/abi/memblock.h")
#include <linux/kho/abi/memblock.h>
#endif

#ifdef LUO_ABI_COMPATIBLE
#define STOCK_LUO(each) each(LUO_ABI_COMPATIBLE)
#else
#define STOCK_LUO(each) each(LUO_FDT_COMPATIBLE) each(LUO_FDT_SESSION_COMPATIBLE)
#endif

#ifdef LUO_FDT_FLB_COMPATIBLE
#define STOCK_FLB(each) each(LUO_FDT_FLB_COMPATIBLE)
#else
#define STOCK_FLB(each)
#endif

/* 6.19 has it without an option of its own. */
#if defined(CONFIG_LIVEUPDATE_MEMFD) || LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
#define STOCK_MEMFD(each) each(MEMFD_LUO_FH_COMPATIBLE)
#else
#define STOCK_MEMFD(each)
#endif

#ifdef KHO_KEXEC_METADATA_VERSION
#define STOCK_METADATA(each) each("kexec-metadata-v" __stringify(KHO_KEXEC_METADATA_VERSION))
#else
#define STOCK_METADATA(each)
#endif

#ifdef MEMBLOCK_KHO_NODE_COMPATIBLE
#define STOCK_MEMBLOCK(each)				\
	each(MEMBLOCK_KHO_NODE_COMPATIBLE)		\
	each(RESERVE_MEM_KHO_NODE_COMPATIBLE)
#else
#define STOCK_MEMBLOCK(each)
#endif

#define STOCK_COMPONENTS(each)				\
	STOCK_LUO(each)					\
	STOCK_FLB(each)					\
	STOCK_MEMFD(each)				\
	STOCK_METADATA(each)				\
	STOCK_MEMBLOCK(each)

#endif
