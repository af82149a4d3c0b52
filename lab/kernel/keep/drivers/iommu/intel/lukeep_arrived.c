// SPDX-License-Identifier: GPL-2.0-only
/*
 * The component iommu in the new kernel. It checks the tables of the previous kernel, takes
 * them over, and frees them later.
 */
#define pr_fmt(fmt) "lukeep: " fmt

#include <linux/io.h>
#include <linux/kexec_handover.h>
#include <linux/lukeep.h>
#include <linux/pci.h>

#include "iommu.h"
#include "lukeep_walk.h"

struct checking {
	struct lukeep_walk walk;
	struct lukeep_list_walk list;
};

static int lukeep_expected_table(struct lukeep_walk *walk, u64 page)
{
	struct checking *with = container_of(walk, struct checking, walk);

	return lukeep_list_next(&with->list) == page ? 0 : -EBADMSG;
}

/* Checks that the register leads to the tables that were described. */
static bool lukeep_tables_reachable(struct intel_iommu *iommu, const struct lukeep_iommu_ser *ser)
{
	const struct root_entry *root = lukeep_memory(ser->root_table);
	const struct context_entry *context = lukeep_memory(ser->context_table);
	u64 register_says = readq(iommu->reg + DMAR_RTADDR_REG);

	if (!root || !context || register_says != ser->root_table)
		return false;
	root += PCI_BUS_NUM(ser->requester);
	context += ser->requester & 0xff;
	return root->lo == (ser->context_table | 1) && (context->lo & 1) &&
	       (context->lo & VTD_PAGE_MASK) == ser->page_table &&
	       ((context->lo >> 2) & 3) == CONTEXT_TT_MULTI_LEVEL &&
	       (context->hi & 7) + 2 == ser->levels;
}

/* Checks that the tables are as the previous kernel froze them. */
static int lukeep_tables_check(struct intel_iommu *iommu, const struct lukeep_iommu_ser *ser)
{
	struct checking with = {
		.walk = {
			.table = lukeep_expected_table,
			.left = min_t(u64, ser->tables, LUKEEP_TABLES),
		},
	};
	int err = 0;

	lukeep_list_begin(&with.list, ser);
	if (lukeep_list_next(&with.list) != ser->root_table ||
	    lukeep_list_next(&with.list) != ser->context_table ||
	    !lukeep_tables_reachable(iommu, ser))
		err = -EBADMSG;
	if (!err)
		err = lukeep_walk(&with.walk, ser->page_table, ser->levels);
	if (!err && (lukeep_list_next(&with.list) || with.walk.entries != ser->entries))
		err = -EBADMSG;
	return err;
}

/* Each page of the tables is freed once, even if several devices name it. */
static void lukeep_tables_expect(const struct lukeep_iommu_ser *ser)
{
	struct lukeep_list_walk list;
	u64 page;

	lukeep_list_begin(&list, ser);
	while ((page = lukeep_list_next(&list)))
		WARN_ON(lukeep_page_expect(page));
}

/**
 * lukeep_takes_over() - Tell whether an IOMMU that translates already must go on translating.
 * @iommu: the IOMMU
 *
 * The contexts of kept devices stay, all others go. This is so without any kept device, too:
 * then a device that still runs reaches nothing.
 *
 * Return: true if it goes on
 */
bool lukeep_takes_over(struct intel_iommu *iommu)
{
	struct lukeep_device *device;
	bool any = false;

	for (unsigned int i = 0; (device = lukeep_arrived(i)); i++) {
		int err;

		any = true;
		if (!device->readable || device->iommu->registers != iommu->reg_phys)
			continue;
		lukeep_tables_expect(device->iommu);
		err = lukeep_tables_check(iommu, device->iommu);
		if (err) {
			pr_err("the tables for requester %02x:%02x.%d are damaged\n",
			       PCI_BUS_NUM(device->iommu->requester),
			       PCI_SLOT(device->iommu->requester),
			       PCI_FUNC(device->iommu->requester));
			lukeep_refuse(device, -EBADMSG);
		}
		device->translated = !device->refused;
	}
	return any;
}

/**
 * lukeep_takes_context() - Tell whether a context of the previous kernel stays.
 * @iommu: the IOMMU
 * @bus: bus of the device
 * @devfn: slot and function of the device
 *
 * Return: true if it stays
 */
bool lukeep_takes_context(struct intel_iommu *iommu, u8 bus, u8 devfn)
{
	struct lukeep_device *device;

	for (unsigned int i = 0; (device = lukeep_arrived(i)); i++)
		if (device->translated && device->iommu->registers == iommu->reg_phys &&
		    device->iommu->requester == PCI_DEVID(bus, devfn))
			return true;
	return false;
}

static struct intel_iommu *lukeep_iommu_of(struct lukeep_device *device)
{
	struct pci_dev *pdev = device->pdev;
	struct device_domain_info *info = pdev ? dev_iommu_priv_get(&pdev->dev) : NULL;

	return info ? info->iommu : NULL;
}

/**
 * lukeep_iommu_in_use() - Tell whether the hardware still uses the tables of the previous
 *   kernel.
 * @device: the device
 *
 * Return: true if it does
 */
bool lukeep_iommu_in_use(struct lukeep_device *device)
{
	struct intel_iommu *iommu = lukeep_iommu_of(device);
	u16 requester = device->iommu->requester;

	return device->translated && iommu &&
	       context_copied(iommu, PCI_BUS_NUM(requester), requester & 0xff);
}

static void lukeep_iommu_stop_use(struct lukeep_device *device)
{
	struct intel_iommu *iommu = lukeep_iommu_of(device);
	u16 requester = device->iommu->requester;
	struct context_entry *context;

	spin_lock(&iommu->lock);
	context = iommu_context_addr(iommu, PCI_BUS_NUM(requester), requester & 0xff, 0);
	if (context)
		copied_context_tear_down(iommu, context, PCI_BUS_NUM(requester), requester & 0xff);
	spin_unlock(&iommu->lock);
}

/**
 * lukeep_iommu_let_go() - Free the pages of the tables and of their list.
 * @device: the device
 */
void lukeep_iommu_let_go(struct lukeep_device *device)
{
	struct lukeep_iommu_ser *ser = device->iommu;
	struct lukeep_list_walk list;
	u64 page, next, given_back = 0;

	if (lukeep_iommu_in_use(device))
		lukeep_iommu_stop_use(device);
	lukeep_list_begin(&list, ser);
	while ((page = lukeep_list_next(&list)))
		given_back += lukeep_page_give_back(page);
	for (u64 at = ser->list; at; at = next) {
		struct lukeep_list_ser *ser_list = lukeep_memory(at);

		next = ser_list ? ser_list->next : 0;
		if (ser_list)
			kho_restore_free(ser_list);
	}
	pr_info("%llu of %llu table pages are free again\n", given_back, ser->tables);
}
