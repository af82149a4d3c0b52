/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a PCI device of the lab's positive control, and its DMA translation, cross the kexec.
 *
 * The KHO subtree LUKEEP_SUBTREE is one page, struct lukeep_root_ser. For each device it names
 * a page of the component pci and a page of the component iommu. Each of them begins with its
 * version. For the descriptor, LUO hands over the physical address of the pci page.
 *
 * The pages of the IOMMU's tables are preserved one by one. A list of their addresses is in a
 * chain of list pages, in the order of a walk: root table, context table, then the second-level
 * tables, each before those that its entries point to.
 */
#ifndef _LINUX_KHO_ABI_LUKEEP_H
#define _LINUX_KHO_ABI_LUKEEP_H

#include <linux/bitops.h>
#include <linux/types.h>

#define LUKEEP_SUBTREE		"lukeep"
#define LUKEEP_FILE_COMPATIBLE	"labvfio-v1"
#define LUKEEP_NAME_LENGTH	48
#define LUKEEP_DEVICES		32
#define LUKEEP_BARS		6
#define LUKEEP_LIST_TABLES	510
/* The most table pages of one device: a limit for every walk. */
#define LUKEEP_TABLES		65536

struct lukeep_root_ser {
	u64 count;
	struct {
		u64 pci;
		u64 iommu;
	} device[LUKEEP_DEVICES];
} __packed;

struct lukeep_pci_ser {
	char compatible[LUKEEP_NAME_LENGTH];
	u64 checksum;		/* of everything behind it */
	u32 segment;
	u16 requester;		/* bus << 8 | devfn */
	u16 command;
	u16 vendor;
	u16 device;
	u32 bars[LUKEEP_BARS];	/* as in configuration space */
	u32 reserved;
} __packed;

struct lukeep_iommu_ser {
	char compatible[LUKEEP_NAME_LENGTH];
	u64 checksum;		/* of everything behind it */
	u64 registers;		/* physical address of the IOMMU's registers */
	u64 root_table;
	u64 context_table;
	u64 page_table;
	u32 levels;
	u16 domain;
	u16 requester;
	u64 tables;		/* pages, with root and context table */
	u64 list;		/* first page of the list */
	u64 entries;		/* checksum of all present entries of the second level */
} __packed;

struct lukeep_list_ser {
	u64 next;		/* 0 in the last one */
	u64 count;
	u64 table[LUKEEP_LIST_TABLES];
} __packed;

static inline u64 lukeep_mix(u64 sum, u64 word)
{
	return rol64(sum ^ word, 23) * 0x9e3779b97f4a7c15ULL;
}

static inline u64 lukeep_checksum(const void *from, size_t bytes)
{
	const u64 *words = from;
	u64 sum = bytes;

	for (size_t i = 0; i < bytes / sizeof(*words); i++)
		sum = lukeep_mix(sum, words[i]);
	return sum;
}

/* The checksum of a page covers everything behind it. */
#define lukeep_checksum_of(ser)				\
	lukeep_checksum(&(ser)->checksum + 1,			\
			sizeof(*(ser)) - offsetofend(typeof(*(ser)), checksum))

#endif
