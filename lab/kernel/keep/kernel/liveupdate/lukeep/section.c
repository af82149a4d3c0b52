// SPDX-License-Identifier: GPL-2.0-only
/*
 * What this kernel reads: more entries of 48 bytes for the section .liveupdate_versions, which
 * starts with the lab's object.
 */
#include <linux/compiler.h>
#include <linux/kho/abi/lukeep.h>

static const char liveupdate_versions[][LUKEEP_NAME_LENGTH] __used __aligned(8)
	__section(".liveupdate_versions") = {
	LUKEEP_FILE_COMPATIBLE,
	CONFIG_LAB_KEEP_PCI_VERSION,
	CONFIG_LAB_KEEP_IOMMU_VERSION,
};
