/* SPDX-License-Identifier: GPL-2.0-only */
/* The tables that translate for one device, walked. */
#ifndef _INTEL_LUKEEP_WALK_H
#define _INTEL_LUKEEP_WALK_H

#include <linux/lukeep.h>

/* Called for each page of the second level, before its entries are looked at; anything but 0 ends the walk. */
struct lukeep_walk {
	int (*table)(struct lukeep_walk *walk, u64 page);
	u64 left;	/* pages that it may still meet */
	u64 entries;	/* checksum */
};

/* 0, -EBADMSG where the tables are not sound, -E2BIG where there are too many, or what the callback said. */
int lukeep_walk(struct lukeep_walk *walk, u64 table, unsigned int level);

/* A walk along the chain of list pages that was written before. */
struct lukeep_list_walk {
	const struct lukeep_list_ser *list;
	u64 at;
	u64 lists;	/* that may still come */
};

void lukeep_list_begin(struct lukeep_list_walk *walk, const struct lukeep_iommu_ser *ser);
/* The next page of the list, 0 at the end, or where the chain is not sound. */
u64 lukeep_list_next(struct lukeep_list_walk *walk);

#endif
