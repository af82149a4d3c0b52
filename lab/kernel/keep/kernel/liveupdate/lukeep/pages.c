// SPDX-License-Identifier: GPL-2.0-only
/* Pages of the IOMMU's tables. Devices share the upper ones, and a whole domain: each is preserved once, and given back once. */
#include <linux/cleanup.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/kexec_handover.h>
#include <linux/lukeep.h>
#include <linux/mutex.h>
#include <linux/pfn.h>
#include <linux/xarray.h>

static DEFINE_MUTEX(lock);
/* Frame number to how many devices need it. */
static DEFINE_XARRAY(going);
static DEFINE_XARRAY(arrived);

static unsigned long users(struct xarray *of, u64 page)
{
	void *entry = xa_load(of, PHYS_PFN(page));

	return entry ? xa_to_value(entry) : 0;
}

static int set_users(struct xarray *of, u64 page, unsigned long count)
{
	return xa_err(count ? xa_store(of, PHYS_PFN(page), xa_mk_value(count), GFP_KERNEL) : xa_erase(of, PHYS_PFN(page)));
}

int lukeep_page_preserve(u64 page)
{
	unsigned long before;
	int err;

	guard(mutex)(&lock);
	before = users(&going, page);
	err = set_users(&going, page, before + 1);
	if (err || before)
		return err;
	err = kho_preserve_pages(phys_to_page(page), 1);
	if (err)
		set_users(&going, page, 0);
	return err;
}

void lukeep_page_unpreserve(u64 page)
{
	unsigned long before;

	guard(mutex)(&lock);
	before = users(&going, page);
	if (!before)
		return; /* one that was forgotten on purpose */
	set_users(&going, page, before - 1);
	if (before == 1)
		kho_unpreserve_pages(phys_to_page(page), 1);
}

/* A device that has arrived will give this page back. */
int lukeep_page_expect(u64 page)
{
	guard(mutex)(&lock);
	return set_users(&arrived, page, users(&arrived, page) + 1);
}

/* Free memory again, once nobody needs it; false if KHO knows nothing of it. */
bool lukeep_page_give_back(u64 page)
{
	unsigned long before;
	struct page *restored;

	guard(mutex)(&lock);
	before = users(&arrived, page);
	if (!before)
		return false;
	set_users(&arrived, page, before - 1);
	if (before > 1)
		return true;
	restored = kho_restore_pages(page, 1);
	if (restored && lukeep_mode != LUKEEP_LEAK_TABLE)
		__free_page(restored);
	return restored;
}
