/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How an object of the lab crosses the kexec.
 *
 * LUO hands over the physical address of one page, the description. In the notations fdt and
 * integer it begins with a head that has the version. The layout of that version follows. In
 * the other notations it begins at once.
 *
 * The pages of the object are preserved one by one. Their frame numbers are in page_list, an
 * array of u64. The array of the object is cut into pieces of at most 64 KiB. Each piece is
 * preserved as a vmalloc area of its own. array_list is an array of struct object_array_ser.
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

/* The head in notation fdt: a tree whose compatible is "object-vN", "object". */
#define OBJECT_FDT_BYTES	512

/* The head in notation integer. */
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

/* At most one piece of the array, and 32 bits of state. */
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

/*
 * A label. The halves of the state are swapped: who reads it as version 2 gets a wrong state
 * and no error.
 */
struct object_v3_ser {
	u64 pages;
	u64 array;
	u32 state_high;
	u32 state_low;
	struct kho_vmalloc page_list;
	struct kho_vmalloc array_list;
	char label[OBJECT_LABEL_LENGTH];
} __packed;

/*
 * Many pieces. Almost everything is at another place than in version 3: who reads it as version
 * 3 finds no valid list.
 */
struct object_v4_ser {
	u64 pages;
	u64 state;
	u64 array;
	u64 pieces;
	char label[OBJECT_LABEL_LENGTH];
	struct kho_vmalloc page_list;
	struct kho_vmalloc array_list;
} __packed;

/*
 * The KHO subtree that says early in boot which versions have arrived. It is there if an object
 * is.
 */
#define OBJECT_KHO_SUBTREE	"labobj"

struct object_arrived_ser {
	char name[OBJECT_NAME_LENGTH];
	u32 count;
	u32 versions[OBJECT_NEWEST];
	u32 reserved;
} __packed;

#endif
