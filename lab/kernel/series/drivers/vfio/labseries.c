// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hands over the descriptor of a PCI device as the first phase of the series for 7.4: the next
 * kernel knows which device it was. The device itself is stopped.
 */
#define pr_fmt(fmt) "labseries: " fmt

#include <linux/anon_inodes.h>
#include <linux/init.h>
#include <linux/kexec_handover.h>
#include <linux/kho/abi/pci.h>
#include <linux/labseries.h>
#include <linux/liveupdate.h>
#include <linux/pci.h>
#include <linux/vfio_pci_core.h>

#include "vfio.h"

static struct pci_dev *labseries_pdev_of(struct file *file)
{
	struct vfio_device_file *df = file->private_data;

	if (file->f_op != &vfio_device_fops || !dev_is_pci(df->device->dev))
		return NULL;
	return to_pci_dev(df->device->dev);
}

static bool labseries_can_preserve(struct liveupdate_file_handler *handler, struct file *file)
{
	struct pci_dev *pdev = labseries_pdev_of(file);

	return pdev && pdev->driver && !strcmp(pdev->driver->name, "vfio-pci");
}

static int labseries_preserve(struct liveupdate_file_op_args *args)
{
	struct pci_dev *pdev = labseries_pdev_of(args->file);
	struct vfio_pci_ser *ser;
	int err;

	if (pdev->is_virtfn) {
		pci_warn(pdev, "Cannot preserve Virtual Functions\n");
		return -EINVAL;
	}
	ser = kho_alloc_preserve(PAGE_SIZE);
	if (IS_ERR(ser))
		return PTR_ERR(ser);
	ser->domain = pci_domain_nr(pdev->bus);
	ser->bdf = pci_dev_id(pdev);
	err = labseries_flb_add(pdev);
	if (err) {
		kho_unpreserve_free(ser);
		return err;
	}
	args->serialized_data = virt_to_phys(ser);
	return 0;
}

static void labseries_unpreserve(struct liveupdate_file_op_args *args)
{
	labseries_flb_remove(labseries_pdev_of(args->file));
	kho_unpreserve_free(phys_to_virt(args->serialized_data));
}

static int labseries_freeze(struct liveupdate_file_op_args *args)
{
	struct vfio_device_file *df = args->file->private_data;
	struct vfio_pci_core_device *core =
		container_of(df->device, struct vfio_pci_core_device, vdev);
	struct pci_dev *pdev = core->pdev;

	guard(mutex)(&core->igate);
	if (core->irq_type != VFIO_PCI_NUM_IRQS) {
		pci_warn(pdev, "Freeze failed! Interrupts are still enabled.\n");
		return -EINVAL;
	}
	if (pdev->current_state != PCI_D0) {
		pci_warn(pdev, "Freeze failed! Device not in D0 state.\n");
		return -EINVAL;
	}
	/* Nothing starts the device again if the kexec is refused from here on. */
	pci_clear_master(pdev);
	if (pci_try_reset_function(pdev))
		pci_info(pdev, "Cannot be reset, only stopped.\n");
	pci_write_config_word(pdev, PCI_COMMAND, 0);
	return 0;
}

/* Gives what opening the device node would give. User space binds it to its iommufd. */
static struct file *labseries_open(struct vfio_device *vfio)
{
	struct vfio_device_file *df;
	struct file *file;

	if (!vfio_device_try_get_registration(vfio))
		return ERR_PTR(-ENODEV);
	df = vfio_allocate_device_file(vfio);
	if (IS_ERR(df)) {
		vfio_device_put_registration(vfio);
		return ERR_CAST(df);
	}
	file = anon_inode_getfile_fmode("[vfio-device]", &vfio_device_fops, df, O_RDWR,
					FMODE_PREAD | FMODE_PWRITE);
	if (IS_ERR(file)) {
		kfree(df);
		vfio_device_put_registration(vfio);
		return file;
	}
	file->f_mapping = vfio->inode->i_mapping;
	return file;
}

static struct pci_dev *labseries_find(u64 data)
{
	const struct vfio_pci_ser *ser = phys_to_virt(data);

	return pci_get_domain_bus_and_slot(ser->domain, PCI_BUS_NUM(ser->bdf), ser->bdf & 0xff);
}

static int labseries_retrieve(struct liveupdate_file_op_args *args)
{
	struct pci_dev *pdev = labseries_find(args->serialized_data);
	struct vfio_pci_core_device *core;
	int err = -ENODEV;

	if (!pdev)
		return err;
	device_lock(&pdev->dev);
	/* User space binds the driver before it retrieves the descriptor. */
	if (pdev->driver && !strcmp(pdev->driver->name, "vfio-pci")) {
		core = dev_get_drvdata(&pdev->dev);
		args->file = labseries_open(&core->vdev);
		err = PTR_ERR_OR_ZERO(args->file);
	}
	device_unlock(&pdev->dev);
	pci_dev_put(pdev);
	return err;
}

/* The device belongs to somebody once its descriptor is retrieved and bound to an iommufd. */
static bool labseries_can_finish(struct liveupdate_file_op_args *args)
{
	const struct vfio_device_file *df;

	if (args->retrieve_status <= 0)
		return false;
	df = args->file->private_data;
	return df->access_granted;
}

static void labseries_finish(struct liveupdate_file_op_args *args)
{
	void *ser = phys_to_virt(args->serialized_data);
	struct pci_dev *pdev = labseries_find(args->serialized_data);

	if (pdev)
		labseries_flb_finished(pdev);
	pci_dev_put(pdev);
	kho_restore_free(ser);
}

static const struct liveupdate_file_ops labseries_ops = {
	.can_preserve = labseries_can_preserve,
	.preserve = labseries_preserve,
	.unpreserve = labseries_unpreserve,
	.freeze = labseries_freeze,
	.retrieve = labseries_retrieve,
	.can_finish = labseries_can_finish,
	.finish = labseries_finish,
	.owner = THIS_MODULE,
};

static struct liveupdate_file_handler labseries_handler = {
	.ops = &labseries_ops,
	.compatible = VFIO_PCI_LUO_FH_COMPATIBLE,
};

static int __init labseries_register(void)
{
	int err;

	if (!liveupdate_enabled())
		return 0;
	err = liveupdate_register_file_handler(&labseries_handler);
	return err ?: labseries_flb_register(&labseries_handler);
}
late_initcall(labseries_register);
