/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lab's positive control: devices that keep running through a live update, with
 * translation. This header is for its parts and for the hooks.
 */
#ifndef _LINUX_LUKEEP_H
#define _LINUX_LUKEEP_H

#include <linux/kho/abi/lukeep.h>
#include <linux/types.h>

struct device;
struct intel_iommu;
struct pci_dev;

#ifdef CONFIG_LAB_KEEP

/* A device that is handed over, or one that has arrived. */
struct lukeep_device {
	struct lukeep_pci_ser *pci;	/* preserved pages */
	struct lukeep_iommu_ser *iommu;
	struct pci_dev *pdev;		/* NULL: arrived, but not present */
	bool frozen;			/* old kernel: it no longer changes */
	bool readable;			/* new kernel: the tables can be freed */
	bool translated;		/* new kernel: the IOMMU has taken the tables over */
	bool done;			/* new kernel: its session is finished */
	int refused;			/* new kernel: 0, or why the device is not kept */
};

/* settings.c */
enum lukeep_mode {
	LUKEEP_OFF, LUKEEP_FULL, LUKEEP_FORGET_PAGE, LUKEEP_TRANSLATION_OFF,
	LUKEEP_RESET, LUKEEP_LEAK_TABLE, LUKEEP_FREEZE_KILLS,
};

enum lukeep_pretend { LUKEEP_TRUTH, LUKEEP_ADDRESS, LUKEEP_MISSING };
extern unsigned int lukeep_mode, lukeep_pretend, lukeep_off_ms, lukeep_freeze_fails;
extern char lukeep_pci_version[LUKEEP_NAME_LENGTH], lukeep_iommu_version[LUKEEP_NAME_LENGTH];

/* going.c: devices that are handed over */
struct lukeep_device *lukeep_going_add(struct pci_dev *pdev);
void lukeep_going_remove(struct lukeep_device *device);
struct lukeep_device *lukeep_going(unsigned int index);

/* pages.c: table pages, which devices share */
int lukeep_page_preserve(u64 page);
void lukeep_page_unpreserve(u64 page);
int lukeep_page_expect(u64 page);
bool lukeep_page_give_back(u64 page);

/* pci.c */
void lukeep_pci_write(struct lukeep_device *device);
int lukeep_pci_find(struct lukeep_device *device);
void lukeep_pci_stop(struct lukeep_device *device);

/* arrived.c */
struct lukeep_device *lukeep_arrived(unsigned int index);
struct lukeep_device *lukeep_arrived_at(u64 pci_page);
void lukeep_arrived_done(struct lukeep_device *device);
void lukeep_refuse(struct lukeep_device *device, int err);
void *lukeep_memory(u64 page);

/* drivers/iommu/intel/lukeep*.c */
bool lukeep_iommu_has(struct pci_dev *pdev);
int lukeep_iommu_write(struct lukeep_device *device);
void lukeep_iommu_forget(struct lukeep_device *device);
int lukeep_iommu_unchanged(struct lukeep_device *device);
void lukeep_iommu_translate(struct lukeep_device *device, bool on);
bool lukeep_iommu_in_use(struct lukeep_device *device);
void lukeep_iommu_let_go(struct lukeep_device *device);

/* Hooks of the old kernel. */
bool lukeep_stays_master(struct pci_dev *pdev);
bool lukeep_stays_on(struct intel_iommu *iommu);
/* Hooks of the new kernel, until the session is finished. */
bool lukeep_takes_over(struct intel_iommu *iommu);
bool lukeep_takes_context(struct intel_iommu *iommu, u8 bus, u8 devfn);
bool lukeep_is_kept(struct device *dev);

#else

static inline bool lukeep_stays_master(struct pci_dev *pdev) { return false; }
static inline bool lukeep_stays_on(struct intel_iommu *iommu) { return false; }
static inline bool lukeep_takes_over(struct intel_iommu *iommu) { return false; }
static inline bool lukeep_is_kept(struct device *dev) { return false; }

static inline bool lukeep_takes_context(struct intel_iommu *iommu, u8 bus, u8 devfn)
{
	return false;
}

#endif
#endif
