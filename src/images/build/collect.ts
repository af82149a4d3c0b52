// SPDX-License-Identifier: Apache-2.0
// Puts the files of a kernel into the cache, with a description that is read from the files themselves.
import { chmodSync, copyFileSync, lstatSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError } from '../../util/errors.js';
import { readBzImage } from '../binary/bzimage.js';
import { scanVmlinux } from '../binary/components.js';
import { writeJson } from '../cache/cache.js';
import type { Workspace } from '../context.js';
import { sha256File } from '../source/download.js';
import { SIGNING_KEY, trustsBuildKey } from '../signing/keys.js';
import { numbersIn } from '../source/numbers.js';
import type { StoredImage } from './stored-image.js';

/** What the files of a kernel do not tell about it. */
export type ImageFacts = Pick<
  StoredImage,
  | 'name'
  | 'inputs'
  | 'source'
  | 'sourceId'
  | 'compiler'
  | 'builtAt'
  | 'seconds'
  | 'fetched'
  | 'fetchedFor'
  | 'from'
  | 'numbers'
>;

/** Files of a kernel in the tree where it was built, and their names in the cache. */
const FILES: readonly [from: string, to: string][] = [
  ['arch/x86/boot/bzImage', 'bzImage'],
  ['vmlinux', 'vmlinux'],
  ['.config', 'config'],
  ['System.map', 'System.map'],
];
/** Their names in the cache. */
export const KERNEL_FILES: readonly string[] = FILES.map(([, name]) => name);

/** Takes a kernel from the tree where it was built. */
export async function collect(tree: string, key: string, facts: ImageFacts, work: Workspace): Promise<void> {
  const beside = work.cache.kernel(`.${key}.partial`);
  await rm(beside, { recursive: true, force: true });
  mkdirSync(beside, { recursive: true });
  for (const [from, to] of FILES) {
    const file = join(tree, from);
    // A link could lead to any file of the host.
    if (!lstatSync(file).isFile()) throw new LabError(`the build made no file ${from}`);
    copyFileSync(file, join(beside, to));
  }
  const signingKey = join(tree, 'certs', SIGNING_KEY);
  const isMade = lstatSync(signingKey, { throwIfNoEntry: false })?.isFile() === true;
  if (isMade && trustsBuildKey(readFileSync(join(beside, 'config'), 'utf8'))) {
    copyFileSync(signingKey, join(beside, SIGNING_KEY));
    chmodSync(join(beside, SIGNING_KEY), 0o600);
  }
  await settle(beside, key, { ...facts, numbers: numbersIn(tree) }, work);
}

/** Describes the files in a folder of the cache, and gives the folder its final name. */
export async function settle(dir: string, key: string, facts: ImageFacts, work: Workspace): Promise<void> {
  const bzImage = join(dir, 'bzImage');
  const { components, listed, registered, notes } = await scanVmlinux(join(dir, 'vmlinux'), work.signal);
  writeJson(join(dir, 'image.json'), {
    schema: 1,
    release: readBzImage(bzImage).release,
    components,
    listed,
    registered,
    sha256: await sha256File(bzImage, work.signal),
    size: statSync(bzImage).size,
    notes,
    ...facts,
  } satisfies StoredImage);
  await rm(work.cache.kernel(key), { recursive: true, force: true });
  renameSync(dir, work.cache.kernel(key));
}
