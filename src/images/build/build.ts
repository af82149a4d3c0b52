// SPDX-License-Identifier: Apache-2.0
// Builds a kernel in a hard-linked copy of its source tree. The copy is kept, so that a killed build goes on where it
// was, and another configuration of the same source from its objects; ccache makes everything else cheap: a patched
// variant, a tree that was lost.
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { commandError, lastLines, mustRun, runCommand, saysDiskFull } from '../../util/process/command.js';
import { LabError } from '../../util/errors.js';
import { LineSplitter } from '../../util/text/lines.js';
import { overlaid, touchedBy } from '../abi/tree.js';
import { keyOf, readJson, writeJson } from '../cache/cache.js';
import { checkOut, checkoutName, gitOf } from '../source/checkout.js';
import { compileCommand } from './compiler.js';
import type { Workspace } from '../context.js';
import type { KernelDefinition } from '../definition/definition.js';
import { type AskedOption, checkConfig, readFragment } from './fragment.js';
import { programPath } from '../requirements.js';
import { applyPatches, fileDigest, layOver, overlayDigests } from './tree.js';

/** Changes when the same inputs would give another kernel. */
export const RECIPE = 2;

export interface BuildResult {
  /** The tree with the finished files in it. */
  tree: string;
  seconds: number;
  log: string;
}

/** An unpacked source tree and its content's id. */
export interface BuildSource {
  dir: string;
  id: string;
}

/** A step of the build as make prints it: "  CC      mm/memfd.o". */
const STEP = /^ {2}[A-Z][A-Z0-9_]+ +(\S+)/;

/**
 * Trees of finished kernels that are kept, the newest: of sources as they are, and of patched ones and those with an
 * overlay.
 */
const MOST_BUILT_TREES = 8;
const MOST_CHANGED_TREES = 3;
/** A file in the tree that holds the key of the kernel that make was last started for. */
const BEGUN = '.lab-begun';

let turn: Promise<unknown> = Promise.resolve();

/** One build at a time: each uses all processors as it is. */
export function buildKernel(
  definition: KernelDefinition,
  source: BuildSource,
  key: string,
  work: Workspace,
  holdFd: number,
): Promise<BuildResult> {
  const mine = turn.then(() => build(definition, source, key, work, holdFd));
  turn = mine.catch(() => undefined);
  return mine;
}

async function build(
  definition: KernelDefinition,
  source: BuildSource,
  key: string,
  work: Workspace,
  holdFd: number,
): Promise<BuildResult> {
  const begun = performance.now();
  const tree = await prepareTree(definition, source, work, holdFd);
  const log = work.cache.log(`${definition.name}-${key.slice(0, 12)}.log`);
  mkdirSync(dirname(log), { recursive: true });
  mkdirSync(work.cache.ccache(), { recursive: true });
  const env = buildEnvironment(tree, work);
  await configure(definition, tree, env, work, holdFd);
  const begunFor = existsSync(join(tree, BEGUN)) ? readFileSync(join(tree, BEGUN), 'utf8') : null;
  writeFileSync(join(tree, BEGUN), key);
  await make(definition, tree, log, begunFor === key, env, work, holdFd);
  return { tree, seconds: Math.round((performance.now() - begun) / 1000), log };
}

/**
 * The same everywhere: nothing of the caller's environment can change what is built. What a compiler that is killed
 * leaves stays in the tree, until the next one.
 */
export function buildEnvironment(tree: string, work: Workspace): NodeJS.ProcessEnv {
  const temporary = join(tree, '.lab-tmp');
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary);
  return {
    PATH: programPath(),
    HOME: process.env['HOME'],
    TMPDIR: temporary,
    LC_ALL: 'C',
    KBUILD_BUILD_TIMESTAMP: 'Thu Jan  1 00:00:00 UTC 1970',
    KBUILD_BUILD_USER: 'lab',
    KBUILD_BUILD_HOST: 'lab',
    KBUILD_BUILD_VERSION: '1',
    CCACHE_DIR: work.cache.ccache(),
    // No preprocessing: a kernel that is built for the first time must not pay for the ones after it.
    CCACHE_DEPEND: '1',
    CCACHE_NOHASHDIR: '1',
    CCACHE_BASEDIR: work.cache.dir,
  };
}

async function prepareTree(
  definition: KernelDefinition,
  source: BuildSource,
  work: Workspace,
  holdFd: number,
): Promise<string> {
  const { tree } = treeOf(definition, source.id, work);
  const task = `prepare ${definition.name}`;
  const git = gitOf(definition);
  if (git !== null) {
    work.onProgress({ task, done: 0, of: null, detail: 'checks out the commit' });
    await checkOut(git, tree, [...overlaid(definition.overlay), ...touchedBy(definition.patches)], work, holdFd);
    for (const overlay of definition.overlay) layOver(overlay, tree);
    await applyPatches(definition.patches, tree, definition.name, { work, task, holdFd });
    return tree;
  }
  if (existsSync(tree)) return tree;
  work.onProgress({ task, done: 0, of: null, detail: 'links the source tree' });
  const beside = join(dirname(tree), `.${basename(tree)}.partial`);
  await rm(beside, { recursive: true, force: true });
  mkdirSync(dirname(beside), { recursive: true });
  const options = { signal: work.signal, holdFd, env: { PATH: programPath(), LC_ALL: 'C' } };
  try {
    await mustRun(['cp', '-al', '--', source.dir, beside], 'cannot link the source tree', options);
    for (const overlay of definition.overlay) layOver(overlay, beside);
    await applyPatches(definition.patches, beside, definition.name, { work, task, holdFd });
  } catch (error) {
    await rm(beside, { recursive: true, force: true });
    throw error;
  }
  renameSync(beside, tree);
  return tree;
}

/**
 * Where a kernel is built, and the name of the lock on it. All kernels of a source with the same patches and overlays
 * share one tree, at one place (make builds anew what was built elsewhere): after another configuration make rebuilds
 * what depends on the options that differ.
 */
export function treeOf(
  definition: KernelDefinition,
  sourceId: string,
  work: Workspace,
): { tree: string; lock: string } {
  const { patches, overlay } = definition;
  const changed =
    patches.length === 0 && overlay.length === 0
      ? ''
      : `${CHANGED}${keyOf([patches.map(fileDigest), overlay.map(overlayDigests)])}`;
  const git = gitOf(definition);
  const name = (git === null ? sourceId : checkoutName(git)) + changed;
  return { tree: work.cache.built(name), lock: work.cache.lock(`tree-${name}`) };
}

/** In the name of a tree between its source and what was changed in it. */
const CHANGED = '-';

/**
 * After a kernel is in the cache: its tree stays for the next configuration. Each takes some hundred MiB; changed ones
 * are often made once.
 */
export async function forgetOldTrees(work: Workspace): Promise<void> {
  const folder = dirname(work.cache.built('x'));
  const age = (name: string) => statSync(join(folder, name), { throwIfNoEntry: false })?.ctimeMs ?? 0;
  const trees = readdirSync(folder)
    .filter((name) => !name.startsWith('.'))
    .sort((a, b) => age(b) - age(a));
  const changed = trees.filter((name) => name.includes(CHANGED));
  const plain = trees.filter((name) => !name.includes(CHANGED));
  for (const name of [...plain.slice(MOST_BUILT_TREES), ...changed.slice(MOST_CHANGED_TREES)])
    await rm(join(folder, name), { recursive: true, force: true });
}

/** Everything off but what the fragments ask for, and what that needs. */
async function configure(
  definition: KernelDefinition,
  tree: string,
  env: NodeJS.ProcessEnv,
  work: Workspace,
  holdFd: number,
): Promise<void> {
  const task = `configure ${definition.name}`;
  work.onProgress({ task, done: 0, of: null });
  const fragments = definition.config.map((file) => readFragment(file));
  const asked: AskedOption[] = fragments.flatMap((fragment) => fragment.options);
  writeFileSync(join(tree, '.lab-asked.config'), asked.map((o) => `${o.name}=${o.value}\n`).join(''));
  const argv = ['make', '-s', ...makeVariables(work), 'KCONFIG_ALLCONFIG=.lab-asked.config', 'allnoconfig'];
  const result = await runCommand(argv, { cwd: tree, env, signal: work.signal, holdFd });
  if (result.code !== 0) throw commandError(`kernel ${definition.name} cannot be configured`, ['make'], result);
  checkConfig(asked, readFileSync(join(tree, '.config'), 'utf8'), definition.name);
}

export function makeVariables(work: Workspace): string[] {
  // LOCALVERSION= keeps the build from adding a + where the tree lies in some git repository.
  return ['ARCH=x86_64', `CC=${compileCommand(work)}`, 'HOSTCC=ccache gcc', 'LOCALVERSION='];
}

interface Steps {
  count: number;
}

async function make(
  definition: KernelDefinition,
  tree: string,
  log: string,
  resumed: boolean,
  env: NodeJS.ProcessEnv,
  work: Workspace,
  holdFd: number,
): Promise<void> {
  const task = `build ${definition.name}`;
  const memory = work.cache.fact(`steps-${definition.name.replace(/[^\w.-]/g, '_')}`);
  const of = readJson<Steps>(memory)?.count ?? definition.steps;
  let done = resumed ? stepsIn(log) : 0;
  const out = createWriteStream(log, { flags: resumed ? 'a' : 'w' });
  let full: Error | null = null;
  out.on('error', (error) => (full = error));
  const lines = new LineSplitter((line) => {
    const step = STEP.exec(line);
    if (step)
      work.onProgress({ task, done: ++done, of: of === null ? null : Math.max(of, done + 1), detail: step[1] ?? '' });
  });
  const feed = (chunk: Buffer) => {
    out.write(chunk);
    lines.feed(chunk);
  };
  work.onProgress({ task, done, of });
  const result = await runCommand(['make', `-j${work.jobs}`, ...makeVariables(work), 'bzImage'], {
    cwd: tree,
    env,
    signal: work.signal,
    holdFd,
    onStdout: feed,
    onStderr: feed,
  }).finally(() => new Promise((resolve) => out.end(resolve)));
  if (full) throw full;
  if (result.code !== 0) {
    const tail = tailOf(log);
    const noSpace = saysDiskFull(tail);
    throw new LabError(
      `kernel ${definition.name} does not build${noSpace ? ': the disk is full' : ` (full log: ${log})`}`,
      {
        detail: lastLines(tail, 30),
        hint: noSpace ? 'free some space, or name a cache elsewhere with LAB_CACHE=FOLDER' : null,
      },
    );
  }
  if (!resumed) writeJson(memory, { count: done } satisfies Steps);
  work.onProgress({ task, done, of: done });
}

function stepsIn(log: string): number {
  try {
    return readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => STEP.test(line)).length;
  } catch {
    return 0;
  }
}

function tailOf(log: string): string {
  try {
    const size = statSync(log).size;
    const text = readFileSync(log, 'utf8');
    return size > 1 << 16 ? text.slice(-(1 << 16)) : text;
  } catch {
    return '';
  }
}
