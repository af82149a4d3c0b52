// SPDX-License-Identifier: GPL-2.0-only
/*
 * The devices that have arrived. For each one the kernel decides whether it is kept, and why
 * not. A device that is not kept can reach no memory: its bus mastering is turned off, and its
 * IOMMU translates without it.
 */
#define pr_fmt(fmt) "lukeep: " fmt

#include <linux/init.h>
#include <linux/io.h>
#include <linux/kexec_handover.h>
#include <linux/lukeep.h>
#include <linux/mm.h>
#include <linux/pci.h>

static struct lukeep_device arrived[LUKEEP_DEVICES];
static unsigned int count, left;
static struct lukeep_root_ser *root;
static bool looked;

/**
 * lukeep_memory() - Find the page at a physical address that the previous kernel wrote.
 * @page: the address
 *
 * Return: the page, or NULL if there is no memory
 */
void *lukeep_memory(u64 page)
{
	if (!page || !PAGE_ALIGNED(page) || !pfn_valid(PHYS_PFN(page)) ||
	    !page_is_ram(PHYS_PFN(page)))
		return NULL;
	return phys_to_virt(page);
}

/**
 * lukeep_refuse() - Decide that a device is not kept.
 * @device: the device
 * @err: why
 */
void lukeep_refuse(struct lukeep_device *device, int err)
{
	if (device->refused)
		return;
	device->refused = err;
	if (device->pdev)
		pci_clear_master(device->pdev);
	pr_err("%s is not kept: %pe\n", device->pdev ? pci_name(device->pdev) : "a device",
	       ERR_PTR(err));
}

static int lukeep_check_version(const char *component, const char *wrote, const char *reads)
{
	if (!strncmp(wrote, reads, LUKEEP_NAME_LENGTH))
		return 0;
	pr_err("%s data says '%.*s', this kernel reads '%s'\n", component, LUKEEP_NAME_LENGTH,
	       wrote, reads);
	return -EOPNOTSUPP;
}

static int lukeep_check_sum(const char *component, u64 says, u64 is)
{
	if (says == is)
		return 0;
	pr_err("%s data is damaged: checksum %#llx, should be %#llx\n", component, is, says);
	return -EBADMSG;
}

/*
 * Checks all that does not need the IOMMU. It checks both components, so that both are
 * reported.
 */
static int lukeep_judge(struct lukeep_device *device)
{
	const struct lukeep_iommu_ser *iommu = device->iommu;
	const struct lukeep_pci_ser *pci = device->pci;
	int err, iommu_err;

	iommu_err = lukeep_check_version("iommu", iommu->compatible, lukeep_iommu_version);
	if (!iommu_err)
		iommu_err = lukeep_check_sum("iommu", iommu->checksum, lukeep_checksum_of(iommu));
	device->readable = !iommu_err;
	err = lukeep_check_version("pci", pci->compatible, lukeep_pci_version);
	if (!err)
		err = lukeep_check_sum("pci", pci->checksum, lukeep_checksum_of(pci));
	if (!err)
		err = lukeep_pci_find(device);
	else if (!iommu_err)
		/* The other component still says which device must stop. */
		device->pdev = pci_get_domain_bus_and_slot(0, PCI_BUS_NUM(iommu->requester),
							   iommu->requester & 0xff);
	if (!err && !iommu_err && iommu->requester != pci->requester)
		err = -EBADMSG;
	return err ?: iommu_err;
}

static void lukeep_look(void)
{
	phys_addr_t page;
	size_t size;

	looked = true;
	if (lukeep_mode == LUKEEP_OFF || kho_retrieve_subtree(LUKEEP_SUBTREE, &page, &size))
		return;
	root = lukeep_memory(page);
	if (!root || size != sizeof(*root) || root->count > LUKEEP_DEVICES) {
		pr_err("the list of devices is damaged\n");
		return;
	}
	left = root->count;
	for (; count < root->count; count++) {
		struct lukeep_device *device = &arrived[count];
		int err = -EBADMSG;

		device->pci = lukeep_memory(root->device[count].pci);
		device->iommu = lukeep_memory(root->device[count].iommu);
		if (device->pci && device->iommu)
			err = lukeep_judge(device);
		if (err)
			lukeep_refuse(device, err);
		else
			/* No other driver may bind to it, because it is running. */
			WARN_ON(device_set_driver_override(&device->pdev->dev, "vfio-pci"));
	}
}

/**
 * lukeep_arrived() - Get a device that has arrived.
 * @index: its index
 *
 * Return: the device, or NULL
 */
struct lukeep_device *lukeep_arrived(unsigned int index)
{
	if (!looked)
		lukeep_look();
	return index < count ? &arrived[index] : NULL;
}

/**
 * lukeep_arrived_at() - Find the device that has a pci page.
 * @pci_page: physical address of the page
 *
 * Return: the device, or NULL
 */
struct lukeep_device *lukeep_arrived_at(u64 pci_page)
{
	struct lukeep_device *device;

	for (unsigned int i = 0; (device = lukeep_arrived(i)); i++)
		if (device->pci && virt_to_phys(device->pci) == pci_page)
			return device;
	return NULL;
}

/**
 * lukeep_arrived_done() - Free what was handed over for a device, after its session is
 *   finished.
 * @device: the device
 *
 * With the last device, the list of devices is freed, too.
 */
void lukeep_arrived_done(struct lukeep_device *device)
{
	device->done = true;
	/* Tables that cannot be read cannot be freed. */
	if (device->readable)
		lukeep_iommu_let_go(device);
	kho_restore_free(device->iommu);
	kho_restore_free(device->pci);
	device->iommu = NULL;
	device->pci = NULL;
	if (!--left)
		kho_restore_free(root);
}

/**
 * lukeep_is_kept() - Tell whether a device is kept and its session is not finished yet.
 * @dev: the device
 *
 * Return: true if so
 */
bool lukeep_is_kept(struct device *dev)
{
	struct lukeep_device *device;

	for (unsigned int i = 0; (device = lukeep_arrived(i)); i++)
		if (!device->refused && !device->done && &device->pdev->dev == dev)
			return true;
	return false;
}

/*
 * Runs after the IOMMUs and before any driver, because it is linked behind what initialises the
 * IOMMUs. If an IOMMU came up without the tables of a device, or not at all, the device has no
 * translation.
 */
static int __init lukeep_settle(void)
{
	struct lukeep_device *device;

	for (unsigned int i = 0; (device = lukeep_arrived(i)); i++) {
		if (!device->refused && !device->translated) {
			pci_err(device->pdev, "lukeep: its IOMMU was not translating\n");
			lukeep_refuse(device, -EIO);
		}
		if (!device->refused)
			pci_info(device->pdev, "lukeep: kept, %llu table pages, domain %u\n",
				 device->iommu->tables, device->iommu->domain);
	}
	return 0;
}
rootfs_initcall(lukeep_settle);
