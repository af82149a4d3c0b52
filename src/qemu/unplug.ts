// SPDX-License-Identifier: Apache-2.0
// A device is pulled out of a running machine. In QEMU 7.2 device_del only asks the machine's kernel to let the device
// go, and one without a hotplug driver never does. So the lab writes the register that firmware would write then
// (_EJ0), and the device is gone at once.
import type { DeviceSpec } from '../model/scenario/device.js';
import { LabError } from '../util/errors.js';
import { asNumber, asRecord } from '../util/unknown.js';
import { deviceId, rootPortId } from './hardware.js';
import type { Human } from './pci.js';

/**
 * I/O ports of ACPI PCI hotplug on q35 (hw/acpi/pcihp.c, include/hw/acpi/ich9.h): which bus, and which of its slots to
 * eject, a bit each.
 */
const BASE = 0xcc0;
const EJECT = BASE + 0x8;
const SELECT = BASE + 0x10;

export interface Monitor {
  command: (name: string, args: Record<string, unknown>) => Promise<unknown>;
  human: Human;
}

/**
 * Throws LabError where QEMU does not let it go: no device on the root bus can be unplugged ("Bus 'pcie.0' does not
 * support hotplugging").
 */
export async function unplug(monitor: Monitor, device: DeviceSpec): Promise<void> {
  const { command } = monitor;
  if (device.behind === null) throw new LabError(`${device.name} is on the root bus, from which nothing is unplugged`);
  // device_del raises an interrupt, at which the machine's own firmware code uses the same registers: it must stand
  // still between the two.
  const running = asRecord(await command('query-status', {}))['running'] === true;
  if (running) await command('stop', {});
  try {
    await command('device_del', { id: deviceId(device) });
    await eject(monitor, rootPortId(device.behind), device.slot);
  } finally {
    if (running) await command('cont', {});
  }
}

/** The choice of a bus is left as it was: the machine may be about to use it. */
async function eject({ command, human }: Monitor, port: string, slot: number): Promise<void> {
  // The number that QEMU gave the bus; without hotplug it has none.
  const bus = asNumber(
    await command('qom-get', { path: `/machine/peripheral/${port}/${port}`, property: 'acpi-pcihp-bsel' }),
  );
  const chosen = /= (0x[0-9a-f]{8})\b/.exec(await human(`i /w 0x${SELECT.toString(16)}`))?.[1];
  await human(`o /w 0x${SELECT.toString(16)} ${bus}`);
  await human(`o /w 0x${EJECT.toString(16)} ${2 ** slot}`);
  if (chosen !== undefined) await human(`o /w 0x${SELECT.toString(16)} ${chosen}`);
}
