/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the lab's stand-in for the PCI series call of each other. */
#ifndef _LINUX_LABSERIES_H
#define _LINUX_LABSERIES_H

#include <linux/types.h>

struct device;
struct liveupdate_file_handler;
struct pci_dev;

int labseries_flb_register(struct liveupdate_file_handler *handler);
int labseries_flb_add(struct pci_dev *pdev);
void labseries_flb_remove(struct pci_dev *pdev);
void labseries_flb_finished(struct pci_dev *pdev);

#ifdef CONFIG_LIVEUPDATE
bool labseries_is_incoming(struct device *dev);
#else
static inline bool labseries_is_incoming(struct device *dev)
{
	return false;
}
#endif

#endif
