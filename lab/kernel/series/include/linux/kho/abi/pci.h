/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How preserved PCI devices cross the kexec in the series for 7.4, for the lab's own stand-in.
 *
 * LUO hands over an FLB with the name PCI_LUO_FLB_COMPATIBLE. Its data is the physical address
 * of a struct pci_ser. The version is the number at its start and stays there in all versions.
 * The devices are a chain of KHO blocks with entries struct pci_dev_ser. For the descriptor of
 * a device, LUO hands over the physical address of a struct vfio_pci_ser.
 */
#ifndef _LINUX_KHO_ABI_PCI_H
#define _LINUX_KHO_ABI_PCI_H

#include <linux/types.h>

#define PCI_LUO_FLB_COMPATIBLE	"pci"
#define PCI_LUO_FLB_VERSION	2

struct pci_ser {
	u32 version;
	u32 nr_devices;
	u64 devices;
} __packed;

struct pci_dev_ser {
	u32 domain;
	u16 bdf;
	u16 refcount;		/* of a bridge: devices below it; 0: the entry is a hole */
} __packed;

#define VFIO_PCI_LUO_FH_COMPATIBLE	"vfio-pci-v1"

struct vfio_pci_ser {
	u32 domain;
	u16 bdf;
} __packed;

#endif
