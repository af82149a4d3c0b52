/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How an object of the lab crosses the kexec.
 *
 * The u64 that LUO hands over is the physical address of one page, the description. In the notations fdt and integer it begins
 * with a head that tells the version; after it, or at once, follows the layout of that version.
 *
 * The pages of the object are preserved one by one; their frame numbers are in page_list, an array of u64. Its array is cut into
 * pieces of at most 64 KiB, each preserved as a vmalloc area of its own; array_list is an array of struct object_array_ser.
 */
#ifndef _LINUX_KHO_ABI_OBJECT_H
#define _LINUX_KHO_ABI_OBJECT_H

#include <linux/kexec_handover.h>
#include <linux/types.h>
#include <linux/version.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 1, 0)
#include <linux/kho/abi/kexec_handover.h>
#endif

#define OBJECT_NAME		"object"
#define OBJECT_NAME_LENGTH	16
#define OBJECT_LABEL_LENGTH	32
#define OBJECT_NEWEST		4

/* What the description begins with in notation fdt: a tree whose compatible is "object-vN", "object". */
#define OBJECT_FDT_BYTES	512

/* What the description begins with in notation integer. */
struct object_integer_ser {
	char name[OBJECT_NAME_LENGTH];
	u32 version;
	u32 reserved;
} __packed;

/* One piece of the array. */
struct object_array_ser {
	struct kho_vmalloc inner;
	u64 bytes;
} __packed;

/* One piece of the array at most, 32 bits of state. */
struct object_v1_ser {
	u32 pages;
	u32 array;
	u32 state;
	u32 reserved;
	struct kho_vmalloc page_list;
	struct kho_vmalloc array_list;
} __packed;

/* 64 bits of state. */
struct object_v2_ser {
	u64 pages;
	u64 array;
	u64 state;
	struct kho_vmalloc page_list;
	struct kho_vmalloc array_list;
} __packed;

/* A label. The halves of the state stand the other way round: who takes it for version 2 gets a wrong state without a word. */
struct object_v3_ser {
	u64 pages;
	u64 array;
	u32 state_high;
	u32 state_low;
	struct kho_vmalloc page_list;
	struct kho_vmalloc array_list;
	char label[OBJECT_LABEL_LENGTH];
} __packed;

/* Many pieces. Hardly anything stands where it stood in version 3: who takes it for that finds no valid list. */
struct object_v4_ser {
	u64 pages;
	u64 state;
	u64 array;
	u64 pieces;
	char label[OBJECT_LABEL_LENGTH];
	struct kho_vmalloc page_list;
	struct kho_vmalloc array_list;
} __packed;

/* The KHO subtree that tells early in boot which versions have arrived. It is there when an object is. */
#define OBJECT_KHO_SUBTREE	"labobj"

struct object_arrived_ser {
	char name[OBJECT_NAME_LENGTH];
	u32 count;
	u32 versions[OBJECT_NEWEST];
	u32 reserved;
} __packed;

#endif
