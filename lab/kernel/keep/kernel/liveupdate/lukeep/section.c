// SPDX-License-Identifier: GPL-2.0-only
/* What this kernel reads, for the section .liveupdate_versions that the lab's object begins: more entries of 48 bytes. */
#include <linux/compiler.h>
#include <linux/kho/abi/lukeep.h>

static const char liveupdate_versions[][LUKEEP_NAME_LENGTH] __used __aligned(8) __section(".liveupdate_versions") = {
	LUKEEP_FILE_COMPATIBLE, CONFIG_LAB_KEEP_PCI_VERSION, CONFIG_LAB_KEEP_IOMMU_VERSION,
};
