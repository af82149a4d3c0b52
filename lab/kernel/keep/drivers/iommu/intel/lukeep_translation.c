// SPDX-License-Identifier: GPL-2.0-only
/*
 * Translation at the end of this kernel. It stays on for devices that are kept, or goes off for
 * a while as a deliberate fault.
 */
#define pr_fmt(fmt) "lukeep: " fmt

#include <linux/delay.h>
#include <linux/kexec.h>
#include <linux/ktime.h>
#include <linux/lukeep.h>
#include <linux/pci.h>

#include "iommu.h"

static struct intel_iommu *lukeep_translation_iommu(struct pci_dev *pdev)
{
	struct device_domain_info *info = dev_iommu_priv_get(&pdev->dev);

	return info->iommu;
}

static ktime_t off_since;

static void lukeep_set_translation(struct intel_iommu *iommu, bool on)
{
	unsigned long flags;
	u32 status;

	raw_spin_lock_irqsave(&iommu->register_lock, flags);
	if (on)
		iommu->gcmd |= DMA_GCMD_TE;
	else
		iommu->gcmd &= ~DMA_GCMD_TE;
	writel(iommu->gcmd, iommu->reg + DMAR_GCMD_REG);
	IOMMU_WAIT_OP(iommu, DMAR_GSTS_REG, readl, (!!(status & DMA_GSTS_TES) == on), status);
	raw_spin_unlock_irqrestore(&iommu->register_lock, flags);
}

/**
 * lukeep_iommu_translate() - Turn translation off while the device runs, or on again: a
 *   deliberate fault.
 * @device: the device
 * @on: whether to turn it on
 *
 * It stays off until this kernel ends, and at least for lukeep.off_ms.
 */
void lukeep_iommu_translate(struct lukeep_device *device, bool on)
{
	pci_warn(device->pdev, "lukeep: translation goes %s on purpose\n", on ? "on" : "off");
	if (!on)
		off_since = ktime_get();
	lukeep_set_translation(lukeep_translation_iommu(device->pdev), on);
}

/**
 * lukeep_stays_on() - Tell whether an IOMMU goes on translating at the end of this kernel.
 * @iommu: the IOMMU
 *
 * Return: true if it does
 */
bool lukeep_stays_on(struct intel_iommu *iommu)
{
	struct lukeep_device *device;

	for (unsigned int i = 0; kexec_in_progress && (device = lukeep_going(i)); i++) {
		if (!device->frozen || device->iommu->registers != iommu->reg_phys)
			continue;
		if (lukeep_mode == LUKEEP_TRANSLATION_OFF) {
			while (ktime_ms_delta(ktime_get(), off_since) < lukeep_off_ms)
				mdelay(1);
			lukeep_iommu_translate(device, true);
		}
		return true;
	}
	return false;
}
