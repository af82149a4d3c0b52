// SPDX-License-Identifier: Apache-2.0
// Reads the machine's PCI devices from QEMU: the tree from QMP's query-pci (qapi/misc.json, QEMU 7.2), configuration
// space through the chipset's memory window (PCIe ECAM), single registers by reads. No kernel in the machine takes
// part.
import { asList, asNumber, asRecord, asText } from '../util/unknown.js';

/** One device of the tree. Of `regions`, only numbers and sizes are used: addresses are read from the registers. */
export interface PciNode {
  qdevId: string;
  bus: number;
  slot: number;
  function: number;
  class: number;
  vendor: number;
  device: number;
  regions: { bar: number; type: 'memory' | 'io'; size: number }[];
  /** The bridge in front of it; null on the root bus. */
  behind: PciNode | null;
  /** Number of the bus behind a bridge. */
  secondary: number | null;
}

const MAX_NODES = 1024;
const MAX_LEVELS = 16;

/**
 * Lists all devices; a bridge comes before the devices behind it.
 * @param reply QMP's answer to query-pci
 */
export function pciNodes(reply: unknown): PciNode[] {
  const nodes: PciNode[] = [];
  for (const bus of asList(reply)) takeBus(asList(asRecord(bus)['devices']), null, nodes, 0);
  return nodes;
}

function takeBus(devices: readonly unknown[], behind: PciNode | null, into: PciNode[], level: number): void {
  for (const each of devices) {
    if (into.length >= MAX_NODES || level > MAX_LEVELS) return;
    const device = asRecord(each);
    const id = asRecord(device['id']);
    const bridge = device['pci_bridge'] === undefined ? null : asRecord(device['pci_bridge']);
    const node: PciNode = {
      qdevId: asText(device['qdev_id']),
      bus: asNumber(device['bus']),
      slot: asNumber(device['slot']),
      function: asNumber(device['function']),
      class: asNumber(asRecord(device['class_info'])['class']),
      vendor: asNumber(id['vendor']),
      device: asNumber(id['device']),
      regions: asList(device['regions'])
        .map(asRecord)
        .map((region) => ({
          bar: asNumber(region['bar']),
          type: region['type'] === 'io' ? 'io' : 'memory',
          size: asNumber(region['size']),
        })),
      behind,
      secondary: bridge === null ? null : asNumber(asRecord(bridge['bus'])['secondary']),
    };
    into.push(node);
    if (bridge !== null) takeBus(asList(bridge['devices']), node, into, level + 1);
  }
}

/** Formats an address: `0000:00:05.0`. */
export function pciAddress({ bus, slot, function: fn }: Pick<PciNode, 'bus' | 'slot' | 'function'>): string {
  const hex = (value: number) => value.toString(16).padStart(2, '0');
  return `0000:${hex(bus)}:${hex(slot)}.${fn}`;
}

/** Bus, slot and function in one number, as IOMMUs use it. */
export function sourceId({ bus, slot, function: fn }: Pick<PciNode, 'bus' | 'slot' | 'function'>): number {
  return (bus << 8) | (slot << 3) | fn;
}

/**
 * Finds the address of the ECAM window; null until the firmware has mapped it.
 * @param mtree text of the human monitor's `info mtree -f`
 */
export function ecamBase(mtree: string): number | null {
  const base = /^ +([0-9a-f]{16})-[0-9a-f]{16} \(prio -?\d+, i\/o\): pcie-mmcfg-mmio\b/m.exec(mtree)?.[1];
  return base === undefined ? null : parseInt(base, 16);
}

/** Runs a command of the human monitor. */
export type Human = (commandLine: string) => Promise<string>;

/** Reads the first 256 bytes of configuration space; null if no device answers. */
export async function readConfig(
  human: Human,
  ecam: number,
  node: Pick<PciNode, 'bus' | 'slot' | 'function'>,
): Promise<Uint8Array | null> {
  const at = ecam + ((node.bus << 20) | (node.slot << 15) | (node.function << 12));
  const words = parseDump(await human(`xp /64xw 0x${at.toString(16)}`));
  if (words.length !== 64) return null;
  const bytes = new Uint8Array(256);
  const view = new DataView(bytes.buffer);
  for (const [index, word] of words.entries()) view.setUint32(index * 4, Number(word), true);
  return view.getUint16(0, true) === 0xffff ? null : bytes;
}

/** Reads one register of 4 or 8 bytes in a single access, as devices require; null if no device answers. */
export async function readRegister(human: Human, address: number, size: 4 | 8): Promise<bigint | null> {
  return parseDump(await human(`xp /1x${size === 4 ? 'w' : 'g'} 0x${address.toString(16)}`))[0] ?? null;
}

/** Parses a memory dump: `00000000fed90000: 0x00000010 0x00000000`. */
export function parseDump(text: string): bigint[] {
  const values: bigint[] = [];
  for (const line of text.split('\n').slice(0, 1024)) {
    const row = /^[0-9a-f]{1,16}:((?: 0x[0-9a-f]{1,16}){1,8})\s*$/.exec(line)?.[1];
    if (row !== undefined) values.push(...row.trim().split(' ').map(BigInt));
  }
  return values;
}
