// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preserved memory that has arrived. It is read in place, so that it stays marked as preserved
 * until it is freed. If nobody frees it, it is a leak that can be counted. What another kernel
 * wrote is checked before it is used.
 */
#include <linux/io.h>
#include <linux/kexec_handover.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "labobj.h"

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 1, 0)
/* As in kernel/liveupdate/kexec_handover.c of 6.19, where no header has it. */
struct kho_vmalloc_hdr {
	DECLARE_KHOSER_PTR(next, struct kho_vmalloc_chunk *);
};

#define KHO_VMALLOC_SIZE ((PAGE_SIZE - sizeof(struct kho_vmalloc_hdr)) / sizeof(phys_addr_t))

struct kho_vmalloc_chunk {
	struct kho_vmalloc_hdr hdr;
	phys_addr_t phys[KHO_VMALLOC_SIZE];
};
#endif

/**
 * labobj_kept_page() - Find a page that the previous kernel named.
 * @phys: its physical address
 *
 * Return: the page, or NULL if this machine has no such page
 */
void *labobj_kept_page(u64 phys)
{
	if (!phys || offset_in_page(phys) || !pfn_to_online_page(PHYS_PFN(phys)))
		return NULL;
	return phys_to_virt(phys);
}

/**
 * labobj_kept_valid() - Tell whether this can be the list of an area.
 * @kept: the list
 * @bytes: size of the area
 *
 * Return: true if it can
 */
bool labobj_kept_valid(const struct kho_vmalloc *kept, u64 bytes)
{
	if (!bytes)
		return !kept->first.phys;
	return kept->order == 0 && kept->total_pages == DIV_ROUND_UP_ULL(bytes, PAGE_SIZE) &&
	       labobj_kept_page(kept->first.phys);
}

/**
 * labobj_kept_read() - Copy an area that has arrived.
 * @kept: its list
 * @to: where the bytes go
 * @bytes: how many
 *
 * Return: 0, or -EINVAL if the list is not valid
 */
int labobj_kept_read(const struct kho_vmalloc *kept, void *to, u64 bytes)
{
	u64 next = kept->first.phys;

	if (!labobj_kept_valid(kept, bytes))
		return -EINVAL;
	while (bytes) {
		const struct kho_vmalloc_chunk *chunk = labobj_kept_page(next);

		for (int i = 0; chunk && bytes && i < KHO_VMALLOC_SIZE; i++) {
			const void *page = labobj_kept_page(chunk->phys[i]);
			u64 length = min_t(u64, bytes, PAGE_SIZE);

			if (!page)
				return -EINVAL;
			memcpy(to, page, length);
			to += length;
			bytes -= length;
		}
		if (!chunk)
			return -EINVAL;
		next = chunk->hdr.next.phys;
	}
	return 0;
}

/**
 * labobj_kept_give_back() - Free an area that has arrived.
 * @kept: its list
 */
void labobj_kept_give_back(const struct kho_vmalloc *kept)
{
	if (kept->first.phys)
		vfree(kho_restore_vmalloc(kept));
}
