// SPDX-License-Identifier: Apache-2.0
// Saves a machine that stands still: the state of its devices, and its RAM. The machine notices nothing and can go on.
//
// `migrate` cannot be used: QEMU 7.2 has no `file:`, and in the sandbox QEMU may neither open connections nor start
// programs. `xen-save-devices-state` needs no Xen and writes a file. It also leaves QEMU's own state as it is:
// after `migrate` a machine at a breakpoint has the state `debug`, which no other QEMU can load.
import { chmodSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDiskFull, LabError, messageOf } from '../../util/errors.js';
import { readRegularFile } from '../../util/files/regular-file.js';
import { mustRun } from '../../util/process/command.js';
import { printable } from '../../util/text/escape.js';
import { asList, asRecord, asText } from '../../util/unknown.js';
import { SnapshotError } from './error.js';
import { RAM_MODE, type RamOpening } from './opening.js';
import { type Firmware, MAX_STATE, withFirmware } from './stream.js';

/** QEMU's monitor. Both commands have their own deadline. */
export interface SnapshotMonitor {
  run(name: string, args: Record<string, unknown>): Promise<unknown>;
  human(line: string): Promise<string>;
}

export interface SaveOptions {
  /** The run's private folder, which QEMU may write to. */
  dir: string;
  signal: AbortSignal;
}

const MAX_FIRMWARE = 16 << 20;
const NO_RAM = 'the RAM of the machine cannot be saved';

/**
 * Saves the devices of a machine that is paused or stands at a breakpoint.
 * @param path new file of the state
 * @returns its size in bytes
 */
export async function saveState(monitor: SnapshotMonitor, path: string, options: SaveOptions): Promise<number> {
  const { dir, signal } = options;
  const [devices, firmware] = [join(dir, 'snapshot-devices'), join(dir, 'snapshot-firmware')];
  try {
    signal.throwIfAborted();
    if (asRecord(await monitor.run('query-status', {}))['running'] !== false)
      throw new SnapshotError('save', 'the machine runs: it can be saved only while it stands still');
    await refuseBlocked(monitor);
    const place = firmwarePlace(await monitor.human('info mtree -f'));
    // Without `live: false`, QEMU also gives up its disks.
    await monitor.run('xen-save-devices-state', { filename: devices, live: false });
    await monitor.run('pmemsave', { val: place.start, size: place.size, filename: firmware });
    signal.throwIfAborted();
    const state = withFirmware(await written(devices, dir, MAX_STATE), {
      block: place.block,
      content: await written(firmware, dir, place.size),
    });
    writeFileSync(path, state, { flag: 'wx', mode: 0o644 });
    return state.length;
  } catch (error) {
    throw saveError(error, 'the state of the machine cannot be saved', signal);
  } finally {
    for (const file of [devices, firmware]) rmSync(file, { force: true });
  }
}

/** QEMU 7.2 crashes if it is to save the state of a device that it cannot save. */
async function refuseBlocked(monitor: SnapshotMonitor): Promise<void> {
  const [reason] = asList(asRecord(await monitor.run('query-migrate', {}))['blocked-reasons']);
  if (reason !== undefined)
    throw new SnapshotError('save', `QEMU cannot save this machine: ${printable(asText(reason), 300)}`);
}

/** What QEMU wrote is data: it may be a link to somewhere else. */
function written(path: string, dir: string, maxBytes: number): Promise<Buffer> {
  return readRegularFile(path, { maxBytes, within: dir });
}

/**
 * Copies the RAM; pages of zeros take no space.
 * @param memory path of the machine's memfd
 * @param path new file
 */
export async function saveRam(
  memory: string,
  path: string,
  { signal, opening }: { signal: AbortSignal; opening: RamOpening },
): Promise<{ bytesOnDisk: number }> {
  try {
    await mustRun(['cp', '--sparse=always', '--', memory, path], NO_RAM, { signal });
    chmodSync(path, RAM_MODE[opening]);
    return { bytesOnDisk: statSync(path).blocks * 512 };
  } catch (error) {
    rmSync(path, { force: true });
    if (error instanceof LabError) throw new SnapshotError('save', error.message, { cause: error });
    throw saveError(error, NO_RAM, signal);
  }
}

function saveError(error: unknown, what: string, signal: AbortSignal): unknown {
  if (signal.aborted || error instanceof SnapshotError) return error;
  return new SnapshotError('save', `${what}: ${isDiskFull(error) ? 'the disk is full' : messageOf(error)}`, {
    cause: error,
  });
}

interface FirmwarePlace {
  block: Firmware['block'];
  start: number;
  size: number;
}

/** Finds the firmware at the end of the first 4 GiB: `00000000fffc0000-00000000ffffffff (prio 0, rom): pc.bios`. */
export function firmwarePlace(mtree: string): FirmwarePlace {
  const row = /^ +([0-9a-f]{16})-00000000ffffffff \(prio -?\d+, (?:rom|ram)\): (\S{1,200})/m.exec(mtree);
  const start = parseInt(row?.[1] ?? '', 16);
  const size = 2 ** 32 - start;
  if (row?.[2] === undefined || !(size > 0 && size <= MAX_FIRMWARE && size % 4096 === 0))
    throw new SnapshotError('save', 'the firmware of the machine is not where the lab looks for it');
  return { block: row[2], start, size };
}
