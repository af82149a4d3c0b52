// SPDX-License-Identifier: Apache-2.0
// Which of QEMU's open memfds is which of its memory backends. All have the same name; QEMU's monitor says where it has
// mapped the memory of an address, and /proc/PID/maps says which file is mapped there.
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { LabError } from '../../util/errors.js';
import { RAM_ID } from '../args.js';
import type { Qmp } from '../qmp.js';
import { type HostAddresses, type RamRange, ramRanges } from './ranges.js';

interface Mapping {
  start: number;
  end: number;
  inode: number;
}

/**
 * Paths of the files, by the id of the backend.
 * @param addresses where QEMU has mapped each one; empty if there is only one
 */
export function backendFiles(pid: number, addresses: HostAddresses): Map<string, string> {
  const open = memfds(pid);
  const [only] = open;
  if (only === undefined)
    throw new LabError('QEMU has no memfd open: the RAM of the machine cannot be read from outside');
  if (addresses.size === 0) return new Map([[RAM_ID, only.path]]);
  const mappings = mappingsOf(readFileSync(`/proc/${pid}/maps`, 'latin1'));
  return new Map(
    [...addresses].map(([backend, address]) => {
      const inode = mappings.find(({ start, end }) => address >= start && address < end)?.inode;
      const file = open.find((each) => each.inode === inode);
      if (file === undefined)
        throw new LabError(`QEMU has mapped no memfd for ${backend}: that RAM cannot be read from outside`);
      return [backend, file.path];
    }),
  );
}

/**
 * Asks QEMU where it has mapped each backend. Empty if the machine has only the one that needs no name.
 * @param mtree text of the human monitor's `info mtree -f`
 */
export async function hostAddresses(monitor: Pick<Qmp, 'human'>, mtree: string): Promise<HostAddresses> {
  const found = new Map<string, number>();
  for (const [backend, address] of firstAddresses(ramRanges(mtree))) {
    const answer = await monitor.human(`gpa2hva 0x${address.start.toString(16)}`);
    const host = hostAddress(answer);
    if (host === null) throw new LabError(`QEMU does not say where it has mapped ${backend}`, { detail: answer });
    found.set(backend, host);
  }
  return found;
}

/** The first range of each backend; empty if the machine has only one. */
function firstAddresses(ranges: readonly RamRange[]): Map<string, RamRange> {
  const first = new Map<string, RamRange>();
  for (const range of ranges) {
    const id = range.backend ?? RAM_ID;
    if (!first.has(id)) first.set(id, range);
  }
  return first.size < 2 && first.has(RAM_ID) ? new Map() : first;
}

/** Reads QEMU's answer to `gpa2hva`; null if there is no address in it. */
function hostAddress(answer: string): number | null {
  const hex = /^Host virtual address for 0x[0-9a-f]+ \(\S+\) is 0x([0-9a-f]+)/m.exec(answer)?.[1];
  return hex === undefined ? null : parseInt(hex, 16);
}

function memfds(pid: number): { path: string; inode: number }[] {
  const dir = `/proc/${pid}/fd`;
  return readdirSync(dir).flatMap((name) => {
    const path = `${dir}/${name}`;
    try {
      const isBackend = readlinkSync(path).startsWith('/memfd:memory-backend-memfd');
      return isBackend ? [{ path, inode: statSync(path).ino }] : [];
    } catch {
      return []; // closed in the meantime
    }
  });
}

function mappingsOf(maps: string): Mapping[] {
  return [...maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) \S+ [0-9a-f]+ \S+ (\d+)/gm)].map(
    ([, start = '', end = '', inode]) => ({ start: parseInt(start, 16), end: parseInt(end, 16), inode: Number(inode) }),
  );
}
