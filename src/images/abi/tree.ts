// SPDX-License-Identifier: Apache-2.0
// Copies the part of a source tree that the handover's types need: a seventh of its files, which takes a second.
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
import type { KernelDefinition } from '../definition/definition.js';
import { LEFT_BY_BUILDS } from '../source/directory.js';
import { applyPatches, layOver, overlayFiles } from '../build/tree.js';

/** Folders that are copied whole. Of the others, only what Kconfig reads. */
const WHOLE = ['arch/x86', 'include', 'init', 'kernel', 'mm', 'scripts', 'tools/arch/x86/include', 'tools/include'];
const KCONFIG = /(^|\/)Kconfig[^/]*$/;
const MAX_DEPTH = 24;

/** The parts of a kernel that determine its types. */
export interface AbiInputs {
  /** For messages. */
  name: string;
  dir: string;
  /** Files may be linked because nobody changes the tree. A developer's own tree is copied. */
  linked: boolean;
  /** Its makefiles run in a sandbox; null for a kernel of the lab, or a tree that the user typed. */
  foreign: KernelDefinition | null;
  config: string[];
  patches: string[];
  overlay: string[];
}

/** Is this folder the source of a kernel? */
export function isSourceTree(path: string): boolean {
  return ['Makefile', 'Kconfig', 'Kbuild', 'include/linux', 'kernel'].every((name) => existsSync(join(path, name)));
}

/** Paths of the needed files, sorted; they include changed files (`touched`). */
function neededFiles(root: string, touched: readonly string[], signal: AbortSignal): string[] {
  const files: string[] = [];
  const visit = (dir: string, part: 'whole' | 'kconfig', depth: number): void => {
    signal.throwIfAborted();
    if (depth > MAX_DEPTH) return;
    for (const entry of readdirSync(join(root, dir), { withFileTypes: true })) {
      const path = dir === '' ? entry.name : `${dir}/${entry.name}`;
      if (entry.name === '.git' || LEFT_BY_BUILDS.test(path)) continue;
      if (entry.isDirectory()) visit(path, WHOLE.includes(path) ? 'whole' : part, depth + 1);
      else if ((entry.isFile() || entry.isSymbolicLink()) && (part === 'whole' || dir === '' || KCONFIG.test(path)))
        files.push(path);
    }
  };
  visit('', 'kconfig', 0);
  const known = new Set(files);
  for (const path of touched) if (!known.has(path) && existsSync(join(root, path))) files.push(path);
  return files.sort();
}

/** Files that patches change or create, as paths in the tree. */
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
 * Identifies a developer's tree by names, sizes and times of the needed files, so that any change of them gives another
 * identity.
 */
export function abiTreeIdentity(root: string, patches: readonly string[], signal: AbortSignal): string {
  const hash = createHash('sha256').update(`abi 1 ${root}\0`);
  for (const path of neededFiles(root, touchedBy(patches), signal)) {
    const stat = lstatSync(join(root, path), { bigint: true });
    hash.update(`${path}\0${stat.size} ${stat.mtimeNs} ${stat.mode & 0o111n}\n`);
  }
  return hash.digest('hex').slice(0, 32);
}

/** Makes a tree of the needed files, with patches and overlays applied. An older tree is removed. */
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
    copy(join(inputs.dir, path), target, inputs.linked ? 'link' : 'clone');
    if (index % 500 === 0)
      work.onProgress({ task, done: index, of: files.length, detail: 'copying a part of the source' });
  }
  // Nothing of tools/ is built here: no object is checked, linked or run.
  mkdirSync(join(into, 'tools'), { recursive: true });
  // It may already be there, as a link into the source.
  rmSync(join(into, 'tools', 'Makefile'), { force: true });
  writeFileSync(join(into, 'tools', 'Makefile'), '%: ;\n\t@true\n');
  for (const overlay of inputs.overlay) layOver(overlay, into);
  await applyPatches(inputs.patches, into, inputs.name, { work, task, holdFd });
}

function copy(from: string, to: string, how: 'link' | 'clone'): void {
  if (lstatSync(from).isSymbolicLink()) symlinkSync(readlinkSync(from), to);
  else if (how === 'link') linkSync(from, to);
  else copyFileSync(from, to, constants.COPYFILE_FICLONE);
}

/** Files that overlays add or append to, as paths in the tree. */
export function overlaid(overlays: readonly string[]): string[] {
  return [...new Set(overlays.flatMap((overlay) => overlayFiles(overlay).map(({ path }) => path)))];
}
