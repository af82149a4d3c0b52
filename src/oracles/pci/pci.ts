// SPDX-License-Identifier: Apache-2.0
// Decodes a device's configuration space (PCI Local Bus Specification 3.0, chapter 6; type 0 header) and compares two
// such views.
import type { PciBar, PciDifference, PciInterrupts, PciView } from '../../model/kernel/pci.js';

const COMMAND = 0x04;
const STATUS = 0x06;
const FIRST_BAR = 0x10;
const CAPABILITIES = 0x34;
const CAP_LIST = 0x10;
const MEMORY = 0x2;
const MASTER = 0x4;
const MSI = 0x05;
const MSIX = 0x11;
/** 256 bytes have room for this many capabilities. A longer list is a loop. */
const MAX_CAPABILITIES = 48;

/** Lists capabilities: id and offset. */
export function capabilities(config: Uint8Array): { id: number; at: number }[] {
  const view = dataView(config);
  const found: { id: number; at: number }[] = [];
  if ((view.getUint16(STATUS, true) & CAP_LIST) === 0) return found;
  for (
    let at = view.getUint8(CAPABILITIES) & 0xfc;
    at >= 0x40 && found.length < MAX_CAPABILITIES;
    at = view.getUint8(at + 1) & 0xfc
  )
    found.push({ id: view.getUint8(at), at });
  return found;
}

export function commandOf(config: Uint8Array): { command: number; memory: boolean; busMaster: boolean } {
  const command = dataView(config).getUint16(COMMAND, true);
  return { command, memory: (command & MEMORY) !== 0, busMaster: (command & MASTER) !== 0 };
}

/**
 * Reads the BARs of a device from its registers.
 * @param regions the BARs that it has, with their sizes
 */
export function barsOf(
  config: Uint8Array,
  regions: readonly { bar: number; type: 'memory' | 'io'; size: number }[],
): PciBar[] {
  const view = dataView(config);
  return regions
    .filter(({ bar }) => bar < 6)
    .map(({ bar, type, size }) => {
      const low = view.getUint32(FIRST_BAR + bar * 4, true);
      const wide = type === 'memory' && (low & 0x6) === 0x4 && bar < 5;
      const high = wide ? BigInt(view.getUint32(FIRST_BAR + bar * 4 + 4, true)) : 0n;
      const address = (high << 32n) | BigInt((low & (type === 'io' ? 0xffff_fffc : 0xffff_fff0)) >>> 0);
      return { bar, type, address: `0x${address.toString(16)}`, size };
    });
}

export function interruptsOf(config: Uint8Array): PciInterrupts[] {
  const view = dataView(config);
  return capabilities(config).flatMap(({ id, at }): PciInterrupts[] => {
    if ((id !== MSI && id !== MSIX) || at > 0xf0) return [];
    const control = view.getUint16(at + 2, true);
    if (id === MSIX) return [{ kind: 'msix', enabled: (control & 0x8000) !== 0, control, address: null, data: null }];
    const wide = (control & 0x80) !== 0;
    const address = BigInt(view.getUint32(at + 4, true)) | (wide ? BigInt(view.getUint32(at + 8, true)) << 32n : 0n);
    return [
      {
        kind: 'msi',
        enabled: (control & 1) !== 0,
        control,
        address: `0x${address.toString(16)}`,
        data: view.getUint16(at + (wide ? 12 : 8), true),
      },
    ];
  });
}

function dataView(config: Uint8Array): DataView {
  return new DataView(config.buffer, config.byteOffset, config.byteLength);
}

/** Compares a device before and after. A device that was not there before has nothing to compare with. */
export function comparePci(before: PciView | null, after: PciView | null): PciDifference[] {
  if (before === null) return [];
  if (after === null)
    return [{ kind: 'gone', detail: `${before.address} (${before.vendor}:${before.device}) is no longer there` }];
  const found: PciDifference[] = [];
  const add = (kind: PciDifference['kind'], detail: string) => found.push({ kind, detail });
  if (before.address !== after.address) add('moved', `was at ${before.address}, is at ${after.address}`);
  if (before.vendor !== after.vendor || before.device !== after.device)
    add('identity', `was ${before.vendor}:${before.device}, is ${after.vendor}:${after.device}`);
  if (before.class !== after.class) add('class', `was of class ${before.class}, is of ${after.class}`);
  for (const bar of before.bars) {
    const now = after.bars.find((each) => each.bar === bar.bar);
    if (now === undefined || now.address !== bar.address || now.size !== bar.size) {
      const place = now === undefined ? 'is not there' : `is at ${now.address} (${now.size} bytes)`;
      add('bar', `BAR ${bar.bar} was at ${bar.address} (${bar.size} bytes), ${place}`);
    }
  }
  if (before.memory && !after.memory) add('memory-off', 'its memory is no longer decoded');
  if (before.busMaster && !after.busMaster)
    add(
      'bus-mastering-off',
      'bus mastering was on and is off: the device can neither write memory nor signal interrupts',
    );
  compareInterrupts(before, after, add);
  compareBridges(before, after, add);
  compareRegisters(before.registers, after.registers, add);
  return found;
}

type Add = (kind: PciDifference['kind'], detail: string) => void;

function compareInterrupts(before: PciView, after: PciView, add: Add): void {
  for (const was of before.interrupts) {
    const is = after.interrupts.find(({ kind }) => kind === was.kind);
    if (was.enabled && is?.enabled !== true) add('interrupts-off', `${was.kind} was on and is off`);
    else if (was.enabled && is !== undefined && (was.address !== is.address || was.data !== is.data)) {
      add(
        'interrupts-changed',
        `${was.kind} wrote ${hex(was.data)} to ${was.address}, now ${hex(is.data)} to ${is.address}`,
      );
    }
  }
}

function hex(value: number | null): string {
  return value === null ? '?' : `0x${value.toString(16)}`;
}

function compareBridges(before: PciView, after: PciView, add: Add): void {
  const [was, is] = [before.bridge, after.bridge];
  if (was?.address !== is?.address || was?.secondary !== is?.secondary)
    add('bridge', `was behind ${bridgeText(was)}, is behind ${bridgeText(is)}`);
  else if (was?.busMaster === true && is?.busMaster === false)
    add('bridge-bus-mastering-off', `the bridge ${was.address} no longer forwards the device's writes`);
}

function bridgeText(bridge: PciView['bridge']): string {
  return bridge === null ? 'no bridge' : `bridge ${bridge.address} (bus ${bridge.secondary})`;
}

function compareRegisters(before: PciView['registers'], after: PciView['registers'], add: Add): void {
  if (before === null || after === null) return;
  const changed = Object.entries(before).filter(([name, value]) => after[name] !== value);
  if (changed.length > 0)
    add(
      'registers',
      changed.map(([name, value]) => `${name} was ${value}, is ${after[name] ?? 'not there'}`).join('; '),
    );
}
