// SPDX-License-Identifier: Apache-2.0
// Pulls a device out of a running machine. In QEMU 7.2, device_del only asks the machine's kernel to release the
// device, and a kernel without a hotplug driver never does. So the lab writes the register that the firmware would
// write (_EJ0), and the device is gone at once.
import type { DeviceSpec } from '../model/scenario/device.js';
import { LabError } from '../util/errors.js';
import { asNumber, asRecord } from '../util/unknown.js';
import { deviceId, rootPortId } from './hardware.js';
import type { Human } from './pci.js';

/**
 * I/O ports of ACPI PCI hotplug on q35 (hw/acpi/pcihp.c, include/hw/acpi/ich9.h): one selects the bus, the other ejects
 * its slots, one bit each.
 */
const BASE = 0xcc0;
const EJECT = BASE + 0x8;
const SELECT = BASE + 0x10;

export interface Monitor {
  command: (name: string, args: Record<string, unknown>) => Promise<unknown>;
  human: Human;
}

/**
 * Throws LabError if QEMU refuses: a device on the root bus cannot be unplugged ("Bus 'pcie.0' does not support
 * hotplugging").
 */
export async function unplug(monitor: Monitor, device: DeviceSpec): Promise<void> {
  const { command } = monitor;
  if (device.behind === null)
    throw new LabError(`${device.name} is on the root bus, and QEMU cannot unplug devices from there`);
  // device_del raises an interrupt, upon which the machine's firmware code uses the same registers. So the machine is
  // paused between the two.
  const running = asRecord(await command('query-status', {}))['running'] === true;
  if (running) await command('stop', {});
  try {
    await command('device_del', { id: deviceId(device) });
    await eject(monitor, rootPortId(device.behind), device.slot);
  } finally {
    if (running) await command('cont', {});
  }
}

/** Restores the selected bus afterwards: the machine may be about to use it. */
async function eject({ command, human }: Monitor, port: string, slot: number): Promise<void> {
  // The number that QEMU gave the bus. A bus without hotplug has none.
  const bus = asNumber(
    await command('qom-get', { path: `/machine/peripheral/${port}/${port}`, property: 'acpi-pcihp-bsel' }),
  );
  const chosen = /= (0x[0-9a-f]{8})\b/.exec(await human(`i /w 0x${SELECT.toString(16)}`))?.[1];
  await human(`o /w 0x${SELECT.toString(16)} ${bus}`);
  await human(`o /w 0x${EJECT.toString(16)} ${2 ** slot}`);
  if (chosen !== undefined) await human(`o /w 0x${SELECT.toString(16)} ${chosen}`);
}
