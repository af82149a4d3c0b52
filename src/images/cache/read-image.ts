// SPDX-License-Identifier: Apache-2.0
// Reads finished kernels from the cache.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { registeredIn } from '../../compat/index.js';
import type { KernelImage } from '../../model/kernel/image.js';
import { bootFactsOf } from '../binary/boot-facts.js';
import { handoverOf } from '../binary/handover.js';
import { listedIn, withFile } from '../binary/section.js';
import { type Cache, writeJson } from './cache.js';
import { readStoredImage, type StoredImage } from '../build/stored-image.js';

/** Reads a kernel from the cache; null if it is missing or incomplete. */
export function readImage(cache: Cache, key: string): KernelImage | null {
  const dir = cache.kernel(key);
  const stored = readStoredImage(dir);
  const bzImage = join(dir, 'bzImage');
  if (stored === null || statSync(bzImage, { throwIfNoEntry: false })?.size !== stored.size) return null;
  const file = (name: string) => (existsSync(join(dir, name)) ? join(dir, name) : null);
  const [vmlinux, config] = [file('vmlinux'), file('config')];
  const whole = withList(stored, vmlinux, join(dir, 'image.json'));
  return {
    name: whole.name,
    release: whole.release,
    bzImage,
    vmlinux,
    config,
    systemMap: file('System.map'),
    boot: bootFactsOf({ bzImage, systemMap: file('System.map'), config }),
    ...handoverOf(
      {
        components: whole.components,
        listed: whole.listed ?? null,
        registered: whole.registered ?? null,
        whole: true,
        notes: whole.notes,
      },
      config,
      whole.numbers,
    ),
    sha256: whole.sha256,
    cacheDir: dir,
    ...(whole.from === undefined ? {} : { from: whole.from }),
  };
}

/** The image.json of an older lab lacks what the kernel lists and registers. It is read once and stored. */
function withList(stored: StoredImage, vmlinux: string | null, path: string): StoredImage {
  if ((stored.listed !== undefined && stored.registered !== undefined) || vmlinux === null) return stored;
  const notes = [...stored.notes];
  const whole = withFile(vmlinux, (source) => ({
    ...stored,
    listed: stored.listed === undefined ? listedIn(source, notes) : stored.listed,
    registered: stored.registered === undefined ? registeredIn(source) : stored.registered,
    notes,
  }));
  try {
    writeJson(path, whole);
  } catch {
    // A cache that cannot be written is still useful for reading.
  }
  return whole;
}

/** Lists all kernels of the cache, with their keys. */
export function storedImages(cache: Cache): [key: string, stored: StoredImage][] {
  let keys: string[];
  try {
    keys = readdirSync(cache.kernels()).filter((key) => !key.startsWith('.'));
  } catch {
    return [];
  }
  return keys.flatMap((key): [string, StoredImage][] => {
    const stored = readStoredImage(cache.kernel(key));
    return stored === null ? [] : [[key, stored]];
  });
}
