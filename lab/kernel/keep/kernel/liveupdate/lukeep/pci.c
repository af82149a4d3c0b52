// SPDX-License-Identifier: GPL-2.0-only
/*
 * The component pci: which device it is, how it was set up, and whether the next kernel finds
 * it like that.
 */
#define pr_fmt(fmt) "lukeep: " fmt

#include <linux/kexec.h>
#include <linux/lukeep.h>
#include <linux/pci.h>

#define NO_DEVICE 0xfffe

static u32 lukeep_pci_bar(struct pci_dev *pdev, int i)
{
	u32 bar;

	pci_read_config_dword(pdev, PCI_BASE_ADDRESS_0 + 4 * i, &bar);
	return bar;
}

static u16 lukeep_pci_command(struct pci_dev *pdev)
{
	u16 command;

	pci_read_config_word(pdev, PCI_COMMAND, &command);
	return command;
}

/**
 * lukeep_pci_write() - Describe a device.
 * @device: the device
 */
void lukeep_pci_write(struct lukeep_device *device)
{
	struct lukeep_pci_ser *ser = device->pci;
	struct pci_dev *pdev = device->pdev;

	strscpy_pad(ser->compatible, lukeep_pci_version, sizeof(ser->compatible));
	ser->segment = pci_domain_nr(pdev->bus);
	ser->requester = pci_dev_id(pdev);
	ser->vendor = pdev->vendor;
	ser->device = pdev->device;
	ser->command = lukeep_pci_command(pdev);
	for (int i = 0; i < LUKEEP_BARS; i++)
		ser->bars[i] = lukeep_pci_bar(pdev, i);
	/*
	 * Pretend that it was at another address, or that it was another device, which is gone.
	 */
	if (lukeep_pretend == LUKEEP_ADDRESS)
		ser->requester ^= PCI_DEVFN(1, 0);
	else if (lukeep_pretend == LUKEEP_MISSING)
		ser->device = NO_DEVICE;
	ser->checksum = lukeep_checksum_of(ser);
}

/**
 * lukeep_pci_stop() - Stop a device: it decodes no memory and reaches none.
 * @device: the device
 */
void lukeep_pci_stop(struct lukeep_device *device)
{
	pci_warn(device->pdev, "lukeep: stopped on purpose\n");
	pci_write_config_word(device->pdev, PCI_COMMAND, 0);
}

/* Returns the only device of that kind. If there are several, nobody knows which one it was. */
static struct pci_dev *lukeep_pci_find_elsewhere(const struct lukeep_pci_ser *ser)
{
	struct pci_dev *first = pci_get_device(ser->vendor, ser->device, NULL), *second;

	if (!first)
		return NULL;
	second = pci_get_device(ser->vendor, ser->device, pci_dev_get(first));
	if (!second)
		return first;
	pci_dev_put(second);
	pci_dev_put(first);
	return NULL;
}

/**
 * lukeep_pci_find() - Find a device that has arrived, and compare it with its description.
 * @device: the device
 *
 * Return: 0, -ENODEV, -ENXIO if it is at another address, or -EIO if it has changed
 */
int lukeep_pci_find(struct lukeep_device *device)
{
	const struct lukeep_pci_ser *ser = device->pci;
	struct pci_dev *pdev;
	u16 command;

	pdev = pci_get_domain_bus_and_slot(ser->segment, PCI_BUS_NUM(ser->requester),
					   ser->requester & 0xff);
	if (!pdev || pdev->vendor != ser->vendor || pdev->device != ser->device) {
		struct pci_dev *other = lukeep_pci_find_elsewhere(ser);

		pr_err("device %04x:%04x is not at %04x:%02x:%02x.%d; %s%s\n", ser->vendor,
		       ser->device, ser->segment, PCI_BUS_NUM(ser->requester),
		       PCI_SLOT(ser->requester), PCI_FUNC(ser->requester),
		       other ? "there is one at " : "it is missing", other ? pci_name(other) : "");
		pci_dev_put(pdev);
		/* It may still be running there. */
		device->pdev = other;
		return other ? -ENXIO : -ENODEV;
	}
	device->pdev = pdev;
	command = lukeep_pci_command(pdev);
	if ((ser->command ^ command) & (PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY)) {
		pci_err(pdev, "lukeep: was reset on the way: command %#06x, was %#06x\n", command,
			ser->command);
		return -EIO;
	}
	for (int i = 0; i < LUKEEP_BARS; i++) {
		if (lukeep_pci_bar(pdev, i) == ser->bars[i])
			continue;
		pci_err(pdev, "lukeep: BAR %d moved: %#x, was %#x\n", i, lukeep_pci_bar(pdev, i),
			ser->bars[i]);
		return -EIO;
	}
	return 0;
}

/* Leaves what a conventional reset leaves: nothing is enabled, and the BARs are empty. */
static void lukeep_pci_reset(struct pci_dev *pdev)
{
	int err = __pci_reset_function_locked(pdev);

	pci_warn(pdev, "lukeep: reset on purpose (%pe)\n", ERR_PTR(err));
	if (!err)
		return;
	pci_write_config_word(pdev, PCI_COMMAND, 0);
	for (int i = 0; i < LUKEEP_BARS; i++)
		pci_write_config_dword(pdev, PCI_BASE_ADDRESS_0 + 4 * i, 0);
}

/*
 * An interrupt during the kexec would not find this kernel's vectors. The next kernel enables
 * interrupts when user space asks for it.
 */
static void lukeep_pci_silence(struct pci_dev *pdev)
{
	u16 control;

	if (!pdev->msi_enabled)
		return;
	pci_read_config_word(pdev, pdev->msi_cap + PCI_MSI_FLAGS, &control);
	pci_write_config_word(pdev, pdev->msi_cap + PCI_MSI_FLAGS, control & ~PCI_MSI_FLAGS_ENABLE);
}

static bool lukeep_pci_is_above(struct pci_dev *bridge, struct pci_dev *pdev)
{
	while ((pdev = pci_upstream_bridge(pdev)))
		if (pdev == bridge)
			return true;
	return false;
}

/**
 * lukeep_stays_master() - Tell whether a device keeps bus mastering at its shutdown.
 * @pdev: the device
 *
 * Return: true if it does
 */
bool lukeep_stays_master(struct pci_dev *pdev)
{
	struct lukeep_device *device;

	for (unsigned int i = 0; kexec_in_progress && (device = lukeep_going(i)); i++) {
		if (!device->frozen)
			continue;
		if (lukeep_pci_is_above(pdev, device->pdev))
			return true;
		if (pdev != device->pdev)
			continue;
		lukeep_pci_silence(pdev);
		if (lukeep_mode == LUKEEP_RESET)
			lukeep_pci_reset(pdev);
		return true;
	}
	return false;
}
