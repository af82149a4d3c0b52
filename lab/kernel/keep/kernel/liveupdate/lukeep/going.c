// SPDX-License-Identifier: GPL-2.0-only
/*
 * The devices that this kernel hands over, and the page that names them for the next kernel.
 * Changes need the lock. After the devices are frozen nobody changes anything, and reading
 * needs no lock.
 */
#include <linux/cleanup.h>
#include <linux/kexec_handover.h>
#include <linux/lukeep.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>

static DEFINE_MUTEX(lock);
static struct lukeep_root_ser *root;
static struct lukeep_device *going[LUKEEP_DEVICES];

/**
 * lukeep_going() - Get a device that is handed over.
 * @index: its index
 *
 * Return: the device, or NULL
 */
struct lukeep_device *lukeep_going(unsigned int index)
{
	return root && index < root->count ? going[index] : NULL;
}

static int lukeep_make_root(void)
{
	int err;

	if (root)
		return 0;
	root = kho_alloc_preserve(sizeof(*root));
	if (IS_ERR(root)) {
		err = PTR_ERR(root);
		root = NULL;
		return err;
	}
	err = kho_add_subtree(LUKEEP_SUBTREE, root, sizeof(*root));
	if (err) {
		kho_unpreserve_free(root);
		root = NULL;
	}
	return err;
}

static void lukeep_drop_empty_root(void)
{
	if (root && !root->count) {
		kho_remove_subtree(root);
		kho_unpreserve_free(root);
		root = NULL;
	}
}

/**
 * lukeep_going_add() - Add a device, with pages for its data.
 * @pdev: the device
 *
 * Return: the device, or an error pointer
 */
struct lukeep_device *lukeep_going_add(struct pci_dev *pdev)
{
	struct lukeep_device *device;
	int err;

	guard(mutex)(&lock);
	err = lukeep_make_root();
	if (err)
		return ERR_PTR(err);
	device = root->count < LUKEEP_DEVICES ? kzalloc_obj(*device) : NULL;
	if (!device)
		goto no_memory;
	device->pci = kho_alloc_preserve(sizeof(*device->pci));
	if (IS_ERR(device->pci))
		goto no_pci;
	device->iommu = kho_alloc_preserve(sizeof(*device->iommu));
	if (IS_ERR(device->iommu))
		goto no_iommu;
	device->pdev = pci_dev_get(pdev);
	root->device[root->count].pci = virt_to_phys(device->pci);
	root->device[root->count].iommu = virt_to_phys(device->iommu);
	going[root->count++] = device;
	return device;

no_iommu:
	kho_unpreserve_free(device->pci);
no_pci:
	kfree(device);
no_memory:
	lukeep_drop_empty_root();
	return ERR_PTR(-ENOMEM);
}

/**
 * lukeep_going_remove() - Remove a device and free its pages.
 * @device: the device
 */
void lukeep_going_remove(struct lukeep_device *device)
{
	guard(mutex)(&lock);
	for (unsigned int i = 0; root && i < root->count; i++) {
		if (going[i] != device)
			continue;
		root->count--;
		going[i] = going[root->count];
		root->device[i] = root->device[root->count];
		break;
	}
	lukeep_drop_empty_root();
	kho_unpreserve_free(device->pci);
	kho_unpreserve_free(device->iommu);
	pci_dev_put(device->pdev);
	kfree(device);
}
