// SPDX-License-Identifier: Apache-2.0
// The part of a source tree that the handover's types need: a seventh of its files, so that it is copied in a second.
import { createHash } from 'node:crypto';
import {
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UsageError } from '../../util/errors.js';
import type { Workspace } from '../context.js';
import { LEFT_BY_BUILDS } from '../source/directory.js';
import { applyPatches, layOver, overlayFiles } from '../build/tree.js';

/** Folders that are taken whole. Of the others only what Kconfig reads. */
const WHOLE = ['arch/x86', 'include', 'init', 'kernel', 'mm', 'scripts', 'tools/arch/x86/include', 'tools/include'];
const KCONFIG = /(^|\/)Kconfig[^/]*$/;
const DEEPEST = 24;

/** What a kernel is made of, as far as its types go. */
export interface AbiInputs {
  /** Name for messages. */
  name: string;
  dir: string;
  /** Files can be linked: nobody changes the tree. A developer's own is copied. */
  linked: boolean;
  config: string[];
  patches: string[];
  overlay: string[];
}

/** True for a folder that holds the source of a kernel. */
export function isSourceTree(path: string): boolean {
  return ['Makefile', 'Kconfig', 'Kbuild', 'include/linux', 'kernel'].every((name) => existsSync(join(path, name)));
}

/** Paths of the files that are needed, in order: what is changed (`touched`) among them. */
function neededFiles(root: string, touched: readonly string[], signal: AbortSignal): string[] {
  const files: string[] = [];
  const visit = (dir: string, whole: boolean, depth: number): void => {
    signal.throwIfAborted();
    if (depth > DEEPEST) return;
    for (const entry of readdirSync(join(root, dir), { withFileTypes: true })) {
      const path = dir === '' ? entry.name : `${dir}/${entry.name}`;
      if (entry.name === '.git' || LEFT_BY_BUILDS.test(path)) continue;
      if (entry.isDirectory()) visit(path, whole || WHOLE.includes(path), depth + 1);
      else if ((entry.isFile() || entry.isSymbolicLink()) && (whole || dir === '' || KCONFIG.test(path)))
        files.push(path);
    }
  };
  visit('', false, 0);
  const known = new Set(files);
  for (const path of touched) if (!known.has(path) && existsSync(join(root, path))) files.push(path);
  return files.sort();
}

/** Files that patches change or make, as they stand below the tree. */
export function touchedBy(patches: readonly string[]): string[] {
  const paths = new Set<string>();
  for (const patch of patches) {
    for (const [, path = ''] of readText(patch).matchAll(/^(?:---|\+\+\+) (?!\/dev\/null)[^/\s]+\/([^\s]+)/gm)) {
      if (!path.split('/').includes('..')) paths.add(path);
    }
  }
  return [...paths];
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new UsageError(`cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}

/**
 * Tells a developer's tree from what it was before the last change, by names, sizes and times of what is needed of it.
 */
export function abiTreeIdentity(root: string, patches: readonly string[], signal: AbortSignal): string {
  const hash = createHash('sha256').update(`abi 1 ${root}\0`);
  for (const path of neededFiles(root, touchedBy(patches), signal)) {
    const stat = lstatSync(join(root, path), { bigint: true });
    hash.update(`${path}\0${stat.size} ${stat.mtimeNs} ${stat.mode & 0o111n}\n`);
  }
  return hash.digest('hex').slice(0, 32);
}

/** Makes a tree of what is needed, with patches and overlays in it. Anything that was there before is removed. */
export async function makeAbiTree(inputs: AbiInputs, into: string, work: Workspace, holdFd: number): Promise<void> {
  const task = `types of ${inputs.name}`;
  await rm(into, { recursive: true, force: true });
  const files = neededFiles(
    inputs.dir,
    [...new Set([...touchedBy(inputs.patches), ...overlaid(inputs.overlay)])],
    work.signal,
  );
  let folder = '';
  for (const [index, path] of files.entries()) {
    work.signal.throwIfAborted();
    const target = join(into, path);
    if (dirname(target) !== folder) mkdirSync((folder = dirname(target)), { recursive: true });
    take(join(inputs.dir, path), target, inputs.linked);
    if (index % 500 === 0)
      work.onProgress({ task, done: index, of: files.length, detail: 'takes what it needs of the source' });
  }
  // Nothing of tools/ is built here: no object is checked, linked or run.
  mkdirSync(join(into, 'tools'), { recursive: true });
  // It may be there, as a link into the source.
  rmSync(join(into, 'tools', 'Makefile'), { force: true });
  writeFileSync(join(into, 'tools', 'Makefile'), '%: ;\n\t@true\n');
  for (const overlay of inputs.overlay) layOver(overlay, into);
  await applyPatches(inputs.patches, into, inputs.name, { work, task, holdFd });
}

function take(from: string, to: string, linked: boolean): void {
  if (lstatSync(from).isSymbolicLink()) symlinkSync(readlinkSync(from), to);
  else if (linked) linkSync(from, to);
  else copyFileSync(from, to, constants.COPYFILE_FICLONE);
}

/** Files that overlays bring or add to, as they stand in the tree. */
export function overlaid(overlays: readonly string[]): string[] {
  return [...new Set(overlays.flatMap((overlay) => overlayFiles(overlay).map(({ path }) => path)))];
}
