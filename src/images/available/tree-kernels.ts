// SPDX-License-Identifier: Apache-2.0
// Kernels from refs of a git tree that a plan names. Each gets a definition, NAME@REF, with the commit that the ref is
// now: a branch that moves on while a matrix runs changes nothing in it.
import { basename, join } from 'node:path';
import type { TreeSpec } from '../../model/scenario/plan.js';
import { LabError, UsageError } from '../../util/errors.js';
import { mustRun } from '../../util/process/command.js';
import { replaceFile } from '../../util/replace-file.js';
import { type ImageContext, openWorkspace, type Workspace } from '../context.js';
import { knownDefinitions, readDefinition, treesFolder, unknownKernel } from '../definition/definition.js';
import { ensureTools, programPath } from '../requirements.js';
import { readableDefinitions } from './offers.js';
import { availableKernels, type Offer } from './versions.js';

/**
 * Defines the kernels of a tree.
 * @returns their names, in the order of the refs
 */
export async function kernelsOfTree(tree: TreeSpec, context: ImageContext): Promise<string[]> {
  const work = openWorkspace(context);
  await ensureTools(['git'], work);
  const names: string[] = [];
  for (const ref of tree.refs) names.push(await kernelOf(tree, ref, work));
  return names;
}

async function kernelOf(tree: TreeSpec, ref: string, work: Workspace): Promise<string> {
  const git = async (what: string, ...argv: string[]) =>
    (
      await mustRun(['git', '-C', tree.git, ...argv], what, {
        signal: work.signal,
        env: { PATH: programPath(), LC_ALL: 'C', HOME: process.env['HOME'] },
      })
    ).stdout.trim();
  const missing = `no ${ref} in ${tree.git}`;
  const commit = await git(missing, 'rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`);
  const source = { kind: 'git', path: tree.git, ref: commit } as const;
  const base = tree.base ?? nearest(await versionAt(commit, git), source);
  const baseFile = base === null ? undefined : knownDefinitions().get(base);
  if (base === null || baseFile === undefined) throw new UsageError(unknownKernel(base ?? ''));
  const name = `${tree.name ?? plainName(tree.git)}@${ref.replaceAll('/', '-')}`;
  const file = join(treesFolder(work.cache.dir), `${name}.yaml`);
  checkFree(name, file, tree.git);
  const title = await git(`cannot read ${ref} of ${tree.git}`, 'log', '-1', '--format=%cs %s', commit);
  const lines = [
    `description: ${JSON.stringify(`${ref} of ${tree.git}: ${commit.slice(0, 12)} ${title}`.slice(0, 200))}`,
    `base: ${JSON.stringify(baseFile)}`,
    'build: on-demand',
    'sources:',
    `  - {kind: git, path: ${JSON.stringify(tree.git)}, ref: ${commit}}`,
    '',
  ];
  replaceFile(file, lines.join('\n'));
  return name;
}

/** The version that the tree's Makefile has, such as 7.3.0-rc7. */
async function versionAt(commit: string, git: (what: string, ...argv: string[]) => Promise<string>): Promise<string> {
  const makefile = await git('this is not a tree of the kernel: it has no Makefile', 'show', `${commit}:Makefile`);
  const [version, patchlevel, sublevel, extra] = ['VERSION', 'PATCHLEVEL', 'SUBLEVEL', 'EXTRAVERSION'].map(
    (key) => new RegExp(`^${key} *= *([\\w.-]*)`, 'm').exec(makefile)?.[1] ?? '',
  );
  if (!/^\d+$/.test(version ?? '') || !/^\d+$/.test(patchlevel ?? ''))
    throw new LabError('this is not a tree of the kernel: its Makefile names no version');
  return `${version}.${patchlevel}.${sublevel || '0'}${extra ?? ''}`;
}

/** The definition whose configuration fits best: the newest that is not newer, else the oldest. */
function nearest(version: string, source: Offer['source']): string | null {
  const own = readableDefinitions().filter(({ name }) => !name.includes('@'));
  return availableKernels([{ version, where: '', source }], own)[0]?.base ?? null;
}

function plainName(path: string): string {
  return (
    basename(path)
      .replace(/[^A-Za-z0-9._+-]+/g, '_')
      .replace(/^[^A-Za-z0-9]+/, '') || 'tree'
  );
}

/** A name stays with its tree, so that a kernel is the same one every night. */
function checkFree(name: string, file: string, tree: string): void {
  const known = knownDefinitions().get(name);
  if (known === undefined) return;
  const [source] = known === file ? readDefinition(known).sources : [];
  if (source?.kind === 'git' && source.path === tree) return;
  throw new UsageError(`the kernel ${name} is already defined by ${known}`, {
    hint: 'give this tree another name in the plan: {git: ..., name: WORD}; or remove that file',
  });
}
