// SPDX-License-Identifier: Apache-2.0
// Backing files of devices: files in the run's private folder, filled with the lab's pattern before the machine starts.
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { DevicePlan, DeviceSpec } from '../../model/scenario/device.js';
import { PAGE, Pattern } from '../../oracles/files/pattern.js';
import { backingFile } from '../../qemu/hardware.js';

const CHUNK_PAGES = 256;

/** The pattern of a device. Its seed depends on the device's name, so that each device has a different one. */
export function backingPattern(device: DeviceSpec): Pattern {
  let seed = 0x6c61_6264; // 'labd'
  for (const byte of Buffer.from(device.name)) seed = Math.imul(seed ^ byte, 0x0100_0193);
  return new Pattern({ size: device.size, seed: seed >>> 0, holes: [] });
}

/** Creates and fills the backing files. Throws the errors of the file system: the disk may be full. */
export function makeBackings({ devices }: DevicePlan, dir: string): void {
  for (const device of devices) {
    if (device.size === 0) continue;
    const pattern = backingPattern(device);
    const fd = openSync(join(dir, backingFile(device)), 'wx');
    try {
      for (let page = 0; page < pattern.pages; page += CHUNK_PAGES) {
        const chunk = Buffer.concat(
          Array.from({ length: Math.min(CHUNK_PAGES, pattern.pages - page) }, (_, i) => pattern.page(page + i)),
        );
        for (let at = 0; at < chunk.length;) at += writeSync(fd, chunk, at);
      }
    } finally {
      closeSync(fd);
    }
  }
}

/** Counts the pages of a backing file that differ from its pattern. */
export function lookAtBacking(
  device: DeviceSpec,
  dir: string,
): { pages: number; different: number; first: number | null } {
  const pattern = backingPattern(device);
  const words = new Uint32Array((CHUNK_PAGES * PAGE) / 4);
  const bytes = new Uint8Array(words.buffer);
  let different = 0;
  let first: number | null = null;
  const fd = openSync(join(dir, backingFile(device)), 'r');
  try {
    for (let page = 0; page < pattern.pages; page += CHUNK_PAGES) {
      const read = readSync(fd, bytes, 0, bytes.length, page * PAGE);
      for (let i = 0; i < Math.min(CHUNK_PAGES, pattern.pages - page); i++) {
        if ((i + 1) * PAGE <= read && pattern.compare(page + i, words, (i * PAGE) / 4) < 0) continue;
        different++;
        first ??= page + i;
      }
    }
  } finally {
    closeSync(fd);
  }
  return { pages: pattern.pages, different, first };
}
