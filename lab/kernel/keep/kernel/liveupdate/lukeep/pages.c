// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of the IOMMU's tables. Devices share the upper ones, or a whole domain. Each page is
 * preserved once and freed once.
 */
#include <linux/cleanup.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/kexec_handover.h>
#include <linux/lukeep.h>
#include <linux/mutex.h>
#include <linux/pfn.h>
#include <linux/xarray.h>

static DEFINE_MUTEX(lock);
/* From a frame number to the number of devices that need it. */
static DEFINE_XARRAY(going);
static DEFINE_XARRAY(arrived);

static unsigned long lukeep_page_users(struct xarray *of, u64 page)
{
	void *entry = xa_load(of, PHYS_PFN(page));

	return entry ? xa_to_value(entry) : 0;
}

static int lukeep_page_set_users(struct xarray *of, u64 page, unsigned long count)
{
	return xa_err(count ? xa_store(of, PHYS_PFN(page), xa_mk_value(count), GFP_KERNEL) :
			      xa_erase(of, PHYS_PFN(page)));
}

/**
 * lukeep_page_preserve() - Preserve a page.
 * @page: its physical address
 *
 * Return: 0 or an errno
 */
int lukeep_page_preserve(u64 page)
{
	unsigned long before;
	int err;

	guard(mutex)(&lock);
	before = lukeep_page_users(&going, page);
	err = lukeep_page_set_users(&going, page, before + 1);
	if (err || before)
		return err;
	err = kho_preserve_pages(phys_to_page(page), 1);
	if (err)
		lukeep_page_set_users(&going, page, 0);
	return err;
}

/**
 * lukeep_page_unpreserve() - Take the preservation of a page back.
 * @page: its physical address
 */
void lukeep_page_unpreserve(u64 page)
{
	unsigned long before;

	guard(mutex)(&lock);
	before = lukeep_page_users(&going, page);
	if (!before)
		return; /* it was forgotten on purpose */
	lukeep_page_set_users(&going, page, before - 1);
	if (before == 1)
		kho_unpreserve_pages(phys_to_page(page), 1);
}

/**
 * lukeep_page_expect() - Note that a device which has arrived will free a page.
 * @page: its physical address
 *
 * Return: 0 or an errno
 */
int lukeep_page_expect(u64 page)
{
	guard(mutex)(&lock);
	return lukeep_page_set_users(&arrived, page, lukeep_page_users(&arrived, page) + 1);
}

/**
 * lukeep_page_give_back() - Free a page once no device needs it.
 * @page: its physical address
 *
 * Return: false if KHO does not know the page
 */
bool lukeep_page_give_back(u64 page)
{
	unsigned long before;
	struct page *restored;

	guard(mutex)(&lock);
	before = lukeep_page_users(&arrived, page);
	if (!before)
		return false;
	lukeep_page_set_users(&arrived, page, before - 1);
	if (before > 1)
		return true;
	restored = kho_restore_pages(page, 1);
	if (restored && lukeep_mode != LUKEEP_LEAK_TABLE)
		__free_page(restored);
	return restored;
}
