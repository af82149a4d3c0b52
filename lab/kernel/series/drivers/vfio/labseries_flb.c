// SPDX-License-Identifier: GPL-2.0-only
/*
 * The FLB pci: which devices are handed over. The next kernel reads it while it enumerates the
 * bus, and panics if it cannot.
 */
#define pr_fmt(fmt) "labseries: " fmt

#include <linux/kexec_handover.h>
#include <linux/kho/abi/pci.h>
#include <linux/kho_block.h>
#include <linux/labseries.h>
#include <linux/liveupdate.h>
#include <linux/mutex.h>
#include <linux/panic.h>
#include <linux/pci.h>
#include <linux/slab.h>

#define LABSERIES_ENTRIES 256

struct labseries_devices {
	struct pci_ser *ser;
	struct kho_block_set blocks;
	struct kho_block_set_it next;	/* old kernel: the next free entry */
};

static DEFINE_MUTEX(labseries_lock);

static int labseries_flb_preserve(struct liveupdate_flb_op_args *args)
{
	struct labseries_devices *devices = kzalloc_obj(*devices);
	int err;

	if (!devices)
		return -ENOMEM;
	devices->ser = kho_alloc_preserve(PAGE_SIZE);
	if (IS_ERR(devices->ser)) {
		err = PTR_ERR(devices->ser);
		goto err_free;
	}
	kho_block_set_init(&devices->blocks, sizeof(struct pci_dev_ser));
	err = kho_block_set_grow(&devices->blocks, LABSERIES_ENTRIES);
	if (err)
		goto err_unpreserve;
	kho_block_set_it_init(&devices->next, &devices->blocks);
	devices->ser->version = PCI_LUO_FLB_VERSION;
	devices->ser->devices = kho_block_set_head_pa(&devices->blocks);
	args->data = virt_to_phys(devices->ser);
	args->obj = devices;
	return 0;

err_unpreserve:
	kho_unpreserve_free(devices->ser);
err_free:
	kfree(devices);
	return err;
}

static void labseries_flb_unpreserve(struct liveupdate_flb_op_args *args)
{
	struct labseries_devices *devices = args->obj;

	kho_block_set_destroy(&devices->blocks);
	kho_unpreserve_free(devices->ser);
	kfree(devices);
}

static int labseries_flb_retrieve(struct liveupdate_flb_op_args *args)
{
	struct pci_ser *ser = phys_to_virt(args->data);
	struct labseries_devices *devices;
	int err;

	if (ser->version != PCI_LUO_FLB_VERSION)
		panic("Incoming PCI FLB version (v%u) is incompatible with this kernel (v%u)\n",
		      ser->version, PCI_LUO_FLB_VERSION);
	devices = kzalloc_obj(*devices);
	if (!devices)
		return -ENOMEM;
	devices->ser = ser;
	kho_block_set_init(&devices->blocks, sizeof(struct pci_dev_ser));
	err = kho_block_set_restore(&devices->blocks, ser->devices);
	if (err) {
		kfree(devices);
		return err;
	}
	args->obj = devices;
	return 0;
}

static void labseries_flb_finish(struct liveupdate_flb_op_args *args)
{
	struct labseries_devices *devices = args->obj;

	if (devices->ser->nr_devices)
		panic("%u preserved device(s) were never finished!\n", devices->ser->nr_devices);
	kho_block_set_destroy(&devices->blocks);
	kho_restore_free(devices->ser);
	kfree(devices);
}

static const struct liveupdate_flb_ops labseries_flb_ops = {
	.preserve = labseries_flb_preserve,
	.unpreserve = labseries_flb_unpreserve,
	.retrieve = labseries_flb_retrieve,
	.finish = labseries_flb_finish,
	.owner = THIS_MODULE,
};

static struct liveupdate_flb labseries_flb = {
	.ops = &labseries_flb_ops,
	.compatible = PCI_LUO_FLB_COMPATIBLE,
};

/* Returns the entry of a device; NULL if it has none. */
static struct pci_dev_ser *labseries_entry(struct labseries_devices *devices, struct pci_dev *pdev)
{
	struct kho_block_set_it it;
	struct pci_dev_ser *entry;

	kho_block_set_it_init(&it, &devices->blocks);
	while ((entry = kho_block_set_it_read_entry(&it)))
		if (entry->refcount && entry->domain == pci_domain_nr(pdev->bus) &&
		    entry->bdf == pci_dev_id(pdev))
			return entry;
	return NULL;
}

static int labseries_take(struct labseries_devices *devices, struct pci_dev *pdev)
{
	struct pci_dev_ser *entry = labseries_entry(devices, pdev);

	if (entry) {
		entry->refcount++;
		return 0;
	}
	entry = kho_block_set_it_reserve_entry(&devices->next);
	if (!entry)
		return -ENOSPC;
	*entry = (struct pci_dev_ser){ pci_domain_nr(pdev->bus), pci_dev_id(pdev), 1 };
	devices->ser->nr_devices++;
	return 0;
}

static void labseries_drop(struct labseries_devices *devices, struct pci_dev *pdev)
{
	struct pci_dev_ser *entry = labseries_entry(devices, pdev);

	if (entry && !--entry->refcount)
		devices->ser->nr_devices--;
}

/**
 * labseries_flb_add() - Write down a device and the bridges above it.
 * @pdev: the device
 *
 * Return: 0, or an errno
 */
int labseries_flb_add(struct pci_dev *pdev)
{
	struct labseries_devices *devices;
	struct pci_dev *each;
	int err;

	err = liveupdate_flb_get_outgoing(&labseries_flb, (void **)&devices);
	if (err)
		return err;
	scoped_guard(mutex, &labseries_lock) {
		for (each = pdev; each && !err; each = pci_upstream_bridge(each))
			err = labseries_take(devices, each);
	}
	liveupdate_flb_put_outgoing(&labseries_flb);
	return err;
}

/**
 * labseries_flb_remove() - Forget a device that is not handed over after all.
 * @pdev: the device
 */
void labseries_flb_remove(struct pci_dev *pdev)
{
	struct labseries_devices *devices;

	if (liveupdate_flb_get_outgoing(&labseries_flb, (void **)&devices))
		return;
	scoped_guard(mutex, &labseries_lock) {
		for (struct pci_dev *each = pdev; each; each = pci_upstream_bridge(each))
			labseries_drop(devices, each);
	}
	liveupdate_flb_put_outgoing(&labseries_flb);
}

/**
 * labseries_flb_finished() - Note that the session of a device is finished in the next kernel.
 * @pdev: the device
 */
void labseries_flb_finished(struct pci_dev *pdev)
{
	struct labseries_devices *devices;

	if (liveupdate_flb_get_incoming(&labseries_flb, (void **)&devices))
		return;
	scoped_guard(mutex, &labseries_lock) {
		for (struct pci_dev *each = pdev; each; each = pci_upstream_bridge(each))
			labseries_drop(devices, each);
	}
	liveupdate_flb_put_incoming(&labseries_flb);
}

/**
 * labseries_is_incoming() - Whether a device was handed over and its session is not finished.
 * @dev: the device
 *
 * Return: true if nobody but LUO may open it
 */
bool labseries_is_incoming(struct device *dev)
{
	struct labseries_devices *devices;
	bool incoming;

	if (!dev_is_pci(dev) || liveupdate_flb_get_incoming(&labseries_flb, (void **)&devices))
		return false;
	scoped_guard(mutex, &labseries_lock)
		incoming = labseries_entry(devices, to_pci_dev(dev));
	liveupdate_flb_put_incoming(&labseries_flb);
	return incoming;
}

/* Reads the FLB when the first device is found. */
static void labseries_enumerated(struct pci_dev *pdev)
{
	static bool looked;
	void *devices;
	int err;

	if (looked)
		return;
	looked = true;
	err = liveupdate_flb_get_incoming(&labseries_flb, &devices);
	if (!err)
		liveupdate_flb_put_incoming(&labseries_flb);
	else if (err != -ENODATA && err != -ENOENT && err != -EOPNOTSUPP)
		panic("Failed to retrieve the incoming PCI FLB: %pe\n", ERR_PTR(err));
}
DECLARE_PCI_FIXUP_EARLY(PCI_ANY_ID, PCI_ANY_ID, labseries_enumerated);

/**
 * labseries_flb_register() - Make the FLB depend on the files of a handler.
 * @handler: the handler
 *
 * Return: 0, or an errno
 */
int labseries_flb_register(struct liveupdate_file_handler *handler)
{
	return liveupdate_register_flb(handler, &labseries_flb);
}
