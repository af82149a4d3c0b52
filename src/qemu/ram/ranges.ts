// SPDX-License-Identifier: Apache-2.0
// Where RAM is in the machine's physical address space, and in the memory backends of QEMU.
import { isRamId, RAM_ID } from '../args.js';

/** A range of guest-physical addresses, and its offset in the memfd. All in bytes; `end` is exclusive. */
export interface RamRange {
  start: number;
  end: number;
  offset: number;
  /** Id of its backend; without it, the machine's only one. */
  backend?: string;
}

/** QEMU's addresses of backends. */
export type HostAddresses = ReadonlyMap<string, number>;

/**
 * Finds the ranges of RAM in the flat view of the address space `memory`, as QEMU 7.2 prints it:
 * `  0000000100000000-000000017fffffff (prio 0, ram): ram @0000000080000000 KVM`.
 */
export function ramRanges(mtree: string): RamRange[] {
  const ranges: RamRange[] = [];
  for (const view of mtree.split(/^FlatView #\d+/m)) {
    if (!/^ AS "memory"/m.test(view)) continue;
    for (const match of view.matchAll(
      /^ +([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, (ram|rom)\): (\S+)(?: @([0-9a-f]{16}))?/gm,
    )) {
      const [, first = '', last = '', , name, offset = '0'] = match;
      if (name === undefined || !isRamId(name)) continue;
      ranges.push({
        start: parseInt(first, 16),
        end: parseInt(last, 16) + 1,
        offset: parseInt(offset, 16),
        ...(name === RAM_ID ? {} : { backend: name }),
      });
    }
    break;
  }
  return ranges.sort((a, b) => a.start - b.start);
}

/**
 * RAM of a q35 machine: below 2816 MiB all of it starts at 0, else 2 GiB are there and the rest starts at 4 GiB (QEMU
 * 7.2, hw/i386/pc_q35.c).
 */
export function q35Ranges(bytes: number): RamRange[] {
  const low = Math.min(bytes, bytes >= 0xb000_0000 ? 0x8000_0000 : 0xb000_0000);
  return [
    { start: 0, end: low, offset: 0 },
    ...(bytes > low ? [{ start: 2 ** 32, end: 2 ** 32 + bytes - low, offset: low }] : []),
  ];
}
