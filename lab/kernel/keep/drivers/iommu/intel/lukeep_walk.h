/* SPDX-License-Identifier: GPL-2.0-only */
/* Walks over the tables that translate for a device. */
#ifndef _INTEL_LUKEEP_WALK_H
#define _INTEL_LUKEEP_WALK_H

#include <linux/lukeep.h>

/*
 * The callback gets each page of the second level before its entries are read. If it does not
 * return 0, the walk ends.
 */
struct lukeep_walk {
	int (*table)(struct lukeep_walk *walk, u64 page);
	u64 left;	/* pages that may still come */
	u64 entries;	/* checksum of the entries */
};

int lukeep_walk(struct lukeep_walk *walk, u64 table, unsigned int level);

/* A walk along the list that was written before. */
struct lukeep_list_walk {
	const struct lukeep_list_ser *list;
	u64 at;
	u64 lists;	/* list pages that may still come */
};

void lukeep_list_begin(struct lukeep_list_walk *walk, const struct lukeep_iommu_ser *ser);
u64 lukeep_list_next(struct lukeep_list_walk *walk);

#endif
