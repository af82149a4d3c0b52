// SPDX-License-Identifier: GPL-2.0-only
/* Carries the descriptor of a PCI device through a live update. */
#define pr_fmt(fmt) "lukeep: " fmt

#include <linux/anon_inodes.h>
#include <linux/init.h>
#include <linux/kexec_handover.h>
#include <linux/liveupdate.h>
#include <linux/lukeep.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/vfio_pci_core.h>

#include "vfio.h"

static struct pci_dev *lukeep_pdev_of(struct file *file)
{
	struct vfio_device_file *df = file->private_data;

	if (file->f_op != &vfio_device_fops || !dev_is_pci(df->device->dev))
		return NULL;
	return to_pci_dev(df->device->dev);
}

static bool lukeep_can_preserve(struct liveupdate_file_handler *handler, struct file *file)
{
	struct pci_dev *pdev = lukeep_pdev_of(file);

	return lukeep_mode != LUKEEP_OFF && pdev && lukeep_iommu_has(pdev);
}

static int lukeep_preserve(struct liveupdate_file_op_args *args)
{
	struct lukeep_device *device = lukeep_going_add(lukeep_pdev_of(args->file));
	int err;

	if (IS_ERR(device))
		return PTR_ERR(device);
	lukeep_pci_write(device);
	err = lukeep_iommu_write(device);
	if (err) {
		lukeep_going_remove(device);
		return err;
	}
	args->serialized_data = virt_to_phys(device->pci);
	args->private_data = device;
	return 0;
}

static void lukeep_unpreserve(struct liveupdate_file_op_args *args)
{
	lukeep_iommu_forget(args->private_data);
	lukeep_going_remove(args->private_data);
}

static int lukeep_freeze(struct liveupdate_file_op_args *args)
{
	struct lukeep_device *device = args->private_data;
	int err = lukeep_iommu_unchanged(device);

	if (err)
		return err;
	if (lukeep_freeze_fails && lukeep_going(lukeep_freeze_fails - 1) == device) {
		pci_err(device->pdev, "lukeep: refuses to freeze\n");
		return -EIO;
	}
	lukeep_pci_write(device);
	device->frozen = true;
	/*
	 * Nothing starts the device again: after a frozen session is given up, the device is
	 * dead.
	 */
	if (lukeep_mode == LUKEEP_FREEZE_KILLS)
		lukeep_pci_stop(device);
	if (lukeep_mode == LUKEEP_TRANSLATION_OFF)
		lukeep_iommu_translate(device, false);
	return 0;
}

static void lukeep_unfreeze(struct liveupdate_file_op_args *args)
{
	struct lukeep_device *device = args->private_data;

	if (device->frozen && lukeep_mode == LUKEEP_TRANSLATION_OFF)
		lukeep_iommu_translate(device, true);
	device->frozen = false;
}

/* Gives what opening the device node would give. User space binds it to its iommufd. */
static struct file *lukeep_open_device(struct vfio_device *vfio)
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

static int lukeep_retrieve(struct liveupdate_file_op_args *args)
{
	struct lukeep_device *device = lukeep_arrived_at(args->serialized_data);
	struct vfio_pci_core_device *core;
	struct device *dev;

	if (!device)
		return -ENOENT;
	if (device->refused)
		return device->refused;
	dev = &device->pdev->dev;
	guard(device)(dev);
	if (!dev->driver || strcmp(dev->driver->name, "vfio-pci"))
		return -ENODEV;
	core = dev_get_drvdata(dev);
	args->file = lukeep_open_device(&core->vdev);
	return PTR_ERR_OR_ZERO(args->file);
}

/*
 * The owner of the descriptor first replaces the old tables. Until then the device runs on
 * them.
 */
static bool lukeep_can_finish(struct liveupdate_file_op_args *args)
{
	struct lukeep_device *device = lukeep_arrived_at(args->serialized_data);

	return !device || device->refused || args->retrieve_status <= 0 ||
	       !lukeep_iommu_in_use(device);
}

static void lukeep_finish(struct liveupdate_file_op_args *args)
{
	struct lukeep_device *device = lukeep_arrived_at(args->serialized_data);

	if (!device)
		return;
	/* Nobody retrieved it, so it stops here. */
	if (device->pdev && args->retrieve_status <= 0)
		pci_clear_master(device->pdev);
	lukeep_arrived_done(device);
}

static const struct liveupdate_file_ops lukeep_ops = {
	.can_preserve = lukeep_can_preserve,
	.preserve = lukeep_preserve,
	.unpreserve = lukeep_unpreserve,
	.freeze = lukeep_freeze,
	.unfreeze = lukeep_unfreeze,
	.retrieve = lukeep_retrieve,
	.can_finish = lukeep_can_finish,
	.finish = lukeep_finish,
	.owner = THIS_MODULE,
};

static struct liveupdate_file_handler lukeep_handler = {
	.ops = &lukeep_ops,
	.compatible = LUKEEP_FILE_COMPATIBLE,
};

/*
 * In mode off a kernel behaves as if it did not have this code: it does not even know the name.
 */
static int __init lukeep_register(void)
{
	if (!liveupdate_enabled() || lukeep_mode == LUKEEP_OFF)
		return 0;
	return liveupdate_register_file_handler(&lukeep_handler);
}
late_initcall(lukeep_register);
