// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walks with a limit: over the second-level tables as the hardware sees them, and over the list
 * of their pages.
 */
#include <linux/io.h>
#include <linux/lukeep.h>

#include "iommu.h"
#include "lukeep_walk.h"

#define ENTRIES		512
#define PRESENT		(DMA_PTE_READ | DMA_PTE_WRITE)
#define ADDRESS		GENMASK_ULL(51, 12)
#define LEVELS_MOST	5

/**
 * lukeep_walk() - Walk over second-level tables.
 * @walk: what to do, and how far
 * @table: physical address of the table
 * @level: its level
 *
 * Return: 0, -EBADMSG if the tables are not valid, -E2BIG if there are too many, or what the
 *   callback returned
 */
int lukeep_walk(struct lukeep_walk *walk, u64 table, unsigned int level)
{
	const u64 *entries = lukeep_memory(table);
	int err;

	if (!entries || level > LEVELS_MOST)
		return -EBADMSG;
	if (!walk->left--)
		return -E2BIG;
	err = walk->table(walk, table);
	for (int i = 0; !err && i < ENTRIES; i++) {
		u64 entry = READ_ONCE(entries[i]);

		if (!(entry & PRESENT))
			continue;
		walk->entries = lukeep_mix(lukeep_mix(walk->entries, i), entry);
		if (level > 1 && !(entry & DMA_PTE_LARGE_PAGE))
			err = lukeep_walk(walk, entry & ADDRESS, level - 1);
	}
	return err;
}

/**
 * lukeep_list_begin() - Begin a walk over the list of table pages.
 * @walk: the walk
 * @ser: the description of the tables
 */
void lukeep_list_begin(struct lukeep_list_walk *walk, const struct lukeep_iommu_ser *ser)
{
	walk->list = lukeep_memory(ser->list);
	walk->at = 0;
	walk->lists = LUKEEP_TABLES / LUKEEP_LIST_TABLES;
}

/**
 * lukeep_list_next() - Get the next page of the list.
 * @walk: the walk
 *
 * Return: its physical address, or 0 at the end or if the list is not valid
 */
u64 lukeep_list_next(struct lukeep_list_walk *walk)
{
	const struct lukeep_list_ser *list = walk->list;

	if (list && walk->at == LUKEEP_LIST_TABLES && walk->lists--) {
		list = lukeep_memory(list->next);
		walk->list = list;
		walk->at = 0;
	}
	if (!list || list->count > LUKEEP_LIST_TABLES || walk->at >= list->count)
		return 0;
	return list->table[walk->at++];
}
