// SPDX-License-Identifier: GPL-2.0-only
/*
 * The devices that have arrived, each with a decision: it is kept, or it is not, and why. One that is not kept can reach no memory: its
 * bus mastering is turned off where it is found, and its IOMMU translates without it.
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

/* The page behind a physical address that the previous kernel wrote down; NULL if there is no memory. */
void *lukeep_memory(u64 page)
{
	if (!page || !PAGE_ALIGNED(page) || !pfn_valid(PHYS_PFN(page)) || !page_is_ram(PHYS_PFN(page)))
		return NULL;
	return phys_to_virt(page);
}

void lukeep_refuse(struct lukeep_device *device, int err)
{
	if (device->refused)
		return;
	device->refused = err;
	if (device->pdev)
		pci_clear_master(device->pdev);
	pr_err("%s is not kept: %pe\n", device->pdev ? pci_name(device->pdev) : "a device", ERR_PTR(err));
}

static int check_version(const char *component, const char *wrote, const char *reads)
{
	if (!strncmp(wrote, reads, LUKEEP_NAME_LENGTH))
		return 0;
	pr_err("%s data says '%.*s', this kernel reads '%s'\n", component, LUKEEP_NAME_LENGTH, wrote, reads);
	return -EOPNOTSUPP;
}

static int check_sum(const char *component, u64 says, u64 is)
{
	if (says == is)
		return 0;
	pr_err("%s data is damaged: checksum %#llx, should be %#llx\n", component, is, says);
	return -EBADMSG;
}

/* What can be said before the IOMMU is looked at. Both components are judged, so that each is told of. */
static int judge(struct lukeep_device *device)
{
	const struct lukeep_iommu_ser *iommu = device->iommu;
	const struct lukeep_pci_ser *pci = device->pci;
	int err, iommu_err;

	iommu_err = check_version("iommu", iommu->compatible, lukeep_iommu_version);
	if (!iommu_err)
		iommu_err = check_sum("iommu", iommu->checksum, lukeep_checksum_of(iommu));
	device->readable = !iommu_err;
	err = check_version("pci", pci->compatible, lukeep_pci_version);
	if (!err)
		err = check_sum("pci", pci->checksum, lukeep_checksum_of(pci));
	if (!err)
		err = lukeep_pci_find(device);
	else if (!iommu_err)
		/* The other component still tells which device it is that must stop. */
		device->pdev = pci_get_domain_bus_and_slot(0, PCI_BUS_NUM(iommu->requester), iommu->requester & 0xff);
	if (!err && !iommu_err && iommu->requester != pci->requester)
		err = -EBADMSG;
	return err ?: iommu_err;
}

static void look(void)
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
			err = judge(device);
		if (err)
			lukeep_refuse(device, err);
		else
			/* No other driver may take it: it is running. */
			WARN_ON(device_set_driver_override(&device->pdev->dev, "vfio-pci"));
	}
}

struct lukeep_device *lukeep_arrived(unsigned int index)
{
	if (!looked)
		look();
	return index < count ? &arrived[index] : NULL;
}

struct lukeep_device *lukeep_arrived_at(u64 pci_page)
{
	struct lukeep_device *device;

	for (unsigned int i = 0; (device = lukeep_arrived(i)); i++)
		if (device->pci && virt_to_phys(device->pci) == pci_page)
			return device;
	return NULL;
}

/* Its session is finished: the pages that told of it are given back, and with the last device the list. */
void lukeep_arrived_done(struct lukeep_device *device)
{
	device->done = true;
	/* What cannot be read cannot be given back. */
	if (device->readable)
		lukeep_iommu_let_go(device);
	kho_restore_free(device->iommu);
	kho_restore_free(device->pci);
	device->iommu = NULL;
	device->pci = NULL;
	if (!--left)
		kho_restore_free(root);
}

/* Until its session is finished. */
bool lukeep_is_kept(struct device *dev)
{
	struct lukeep_device *device;

	for (unsigned int i = 0; (device = lukeep_arrived(i)); i++)
		if (!device->refused && !device->done && &device->pdev->dev == dev)
			return true;
	return false;
}

/* After the IOMMUs, before any driver: this is linked behind what calls for them. Where the IOMMU came up without its tables, or not at all, nothing translates for the device as it was. */
static int __init lukeep_settle(void)
{
	struct lukeep_device *device;

	for (unsigned int i = 0; (device = lukeep_arrived(i)); i++) {
		if (!device->refused && !device->translated) {
			pci_err(device->pdev, "lukeep: its IOMMU was not translating\n");
			lukeep_refuse(device, -EIO);
		}
		if (!device->refused)
			pci_info(device->pdev, "lukeep: kept, %llu table pages, domain %u\n", device->iommu->tables, device->iommu->domain);
	}
	return 0;
}
rootfs_initcall(lukeep_settle);
