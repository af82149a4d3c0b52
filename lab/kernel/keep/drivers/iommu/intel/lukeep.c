// SPDX-License-Identifier: GPL-2.0-only
/*
 * The component iommu in the old kernel. It preserves and describes the tables with which VT-d
 * (in legacy mode) translates for a device.
 */
#define pr_fmt(fmt) "lukeep: " fmt

#include <linux/kexec_handover.h>
#include <linux/lukeep.h>
#include <linux/pci.h>

#include "iommu.h"
#include "lukeep_walk.h"

/**
 * lukeep_iommu_has() - Tell whether this IOMMU translates for a device.
 * @pdev: the device
 *
 * Return: true if it does
 */
bool lukeep_iommu_has(struct pci_dev *pdev)
{
	struct dev_iommu *iommu = pdev->dev.iommu;

	return iommu && iommu->iommu_dev && iommu->iommu_dev->ops == &intel_iommu_ops &&
	       dev_iommu_priv_get(&pdev->dev);
}

static int lukeep_other_requester(struct pci_dev *pdev, u16 alias, void *own)
{
	return alias != *(u16 *)own ? -EOPNOTSUPP : 0;
}

/* Describes what the hardware holds for the device. */
static int lukeep_iommu_describe(struct lukeep_device *device, struct lukeep_iommu_ser *ser)
{
	struct device_domain_info *info = dev_iommu_priv_get(&device->pdev->dev);
	struct intel_iommu *iommu = info->iommu;
	struct context_entry *context;
	u16 requester = PCI_DEVID(info->bus, info->devfn);

	/* Behind an old bridge it has another requester ID. */
	if (sm_supported(iommu) ||
	    pci_for_each_dma_alias(device->pdev, lukeep_other_requester, &requester)) {
		pci_err(device->pdev, "lukeep: scalable mode, or a device with an alias\n");
		return -EOPNOTSUPP;
	}
	spin_lock(&iommu->lock);
	context = iommu_context_addr(iommu, info->bus, info->devfn, 0);
	spin_unlock(&iommu->lock);
	if (!context || !context_present(context)) {
		pci_err(device->pdev, "lukeep: is attached to nothing\n");
		return -ENXIO;
	}
	if (((context->lo >> 2) & 3) != CONTEXT_TT_MULTI_LEVEL) {
		pci_err(device->pdev, "lukeep: has a TLB of its own, or passes through\n");
		return -EOPNOTSUPP;
	}
	strscpy_pad(ser->compatible, lukeep_iommu_version, sizeof(ser->compatible));
	ser->registers = iommu->reg_phys;
	ser->root_table = virt_to_phys(iommu->root_entry);
	ser->context_table = virt_to_phys(context) & PAGE_MASK;
	ser->page_table = context->lo & VTD_PAGE_MASK;
	ser->levels = (context->hi & 7) + 2;
	ser->domain = context_domain_id(context);
	ser->requester = requester;
	return 0;
}

/* ---- preserve ---- */

struct recording {
	struct lukeep_walk walk;
	struct lukeep_iommu_ser *ser;
	struct lukeep_list_ser *list;
};

static int lukeep_record(struct recording *to, u64 page)
{
	struct lukeep_list_ser *list = to->list;
	int err = 0;

	if (!list || list->count == LUKEEP_LIST_TABLES) {
		list = kho_alloc_preserve(sizeof(*list));
		if (IS_ERR(list))
			return PTR_ERR(list);
		*(to->list ? &to->list->next : &to->ser->list) = virt_to_phys(list);
		to->list = list;
	}
	err = lukeep_page_preserve(page);
	if (err)
		return err;
	list->table[list->count++] = page;
	to->ser->tables++;
	return 0;
}

static int lukeep_record_table(struct lukeep_walk *walk, u64 page)
{
	return lukeep_record(container_of(walk, struct recording, walk), page);
}

/**
 * lukeep_iommu_write() - Preserve the tables of a device and describe them.
 * @device: the device
 *
 * Return: 0 or an errno
 */
int lukeep_iommu_write(struct lukeep_device *device)
{
	struct lukeep_iommu_ser *ser = device->iommu;
	struct recording to = {
		.walk = { .table = lukeep_record_table, .left = LUKEEP_TABLES - 2 },
		.ser = ser,
	};
	int err = lukeep_iommu_describe(device, ser);

	if (!err)
		err = lukeep_record(&to, ser->root_table);
	if (!err)
		err = lukeep_record(&to, ser->context_table);
	if (!err)
		err = lukeep_walk(&to.walk, ser->page_table, ser->levels);
	if (err) {
		lukeep_iommu_forget(device);
		return err;
	}
	/* The last page of the walk is a table of leaves. */
	if (lukeep_mode == LUKEEP_FORGET_PAGE) {
		u64 page = to.list->table[to.list->count - 1];

		pci_warn(device->pdev, "lukeep: forgets table page %#llx on purpose\n", page);
		lukeep_page_unpreserve(page);
	}
	ser->entries = to.walk.entries;
	ser->checksum = lukeep_checksum_of(ser);
	pci_info(device->pdev, "lukeep: preserved, root %#llx, tables at %#llx, %llu table pages\n",
		 ser->root_table, ser->page_table, ser->tables);
	return 0;
}

/**
 * lukeep_iommu_forget() - Take back what lukeep_iommu_write() has preserved.
 * @device: the device
 */
void lukeep_iommu_forget(struct lukeep_device *device)
{
	u64 at = device->iommu->list;

	while (at) {
		struct lukeep_list_ser *list = phys_to_virt(at);

		at = list->next;
		for (u64 i = 0; i < list->count; i++)
			lukeep_page_unpreserve(list->table[i]);
		kho_unpreserve_free(list);
	}
	device->iommu->list = 0;
	device->iommu->tables = 0;
}

/* ---- freeze ---- */

struct comparison {
	struct lukeep_walk walk;
	struct lukeep_list_walk list;
};

static int lukeep_same_table(struct lukeep_walk *walk, u64 page)
{
	struct comparison *with = container_of(walk, struct comparison, walk);

	return lukeep_list_next(&with->list) == page ? 0 : -EBUSY;
}

/**
 * lukeep_iommu_unchanged() - Check that the tables of a device have not changed.
 * @device: the device
 *
 * A table that was added since then would not be preserved.
 *
 * Return: 0, -EBUSY if they have changed, or another errno
 */
int lukeep_iommu_unchanged(struct lukeep_device *device)
{
	struct comparison with = { .walk = { .table = lukeep_same_table, .left = LUKEEP_TABLES } };
	struct lukeep_iommu_ser now = {}, *ser = device->iommu;
	int err = lukeep_iommu_describe(device, &now);

	if (err)
		return err;
	lukeep_list_begin(&with.list, ser);
	if (now.root_table != lukeep_list_next(&with.list) ||
	    now.context_table != lukeep_list_next(&with.list) || now.page_table != ser->page_table)
		err = -EBUSY;
	else
		err = lukeep_walk(&with.walk, now.page_table, now.levels);
	if (!err && (lukeep_list_next(&with.list) || with.walk.entries != ser->entries))
		err = -EBUSY;
	if (err)
		pci_err(device->pdev,
			"lukeep: its tables have changed since they were preserved\n");
	return err;
}
