// SPDX-License-Identifier: Apache-2.0
// What the user says about snapshots in the environment.
import { join } from 'node:path';
import { UsageError } from '../util/errors.js';

export interface SnapshotSettings {
  enabled: boolean;
  /** Bytes on disk of all snapshots together. */
  maxBytes: number;
}

const DEFAULT_BYTES = 8 * 2 ** 30;
const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** Throws a UsageError for a value that it does not know. */
export function snapshotSettings(env: NodeJS.ProcessEnv = process.env): SnapshotSettings {
  const use = env['LAB_SNAPSHOTS'] ?? '';
  if (!['', 'on', 'off'].includes(use)) throw new UsageError(`LAB_SNAPSHOTS: expected on or off, found ${use}`);
  const maxBytes = sizeOf(env['LAB_SNAPSHOTS_SIZE'] ?? '');
  return { enabled: use !== 'off' && maxBytes > 0, maxBytes };
}

/** The folder of all snapshots in a cache. */
export const snapshotsDir = (cacheDir: string): string => join(cacheDir, 'snapshots');

function sizeOf(text: string): number {
  if (text === '') return DEFAULT_BYTES;
  const [, number, unit = ''] = /^(\d{1,15}) ?([KMGT]?)(?:iB|B)?$/.exec(text) ?? [];
  const factor = UNITS[unit];
  if (number === undefined || factor === undefined)
    throw new UsageError(`LAB_SNAPSHOTS_SIZE: expected a size such as 8GiB or 500MiB, found ${text}`);
  return Number(number) * factor;
}
