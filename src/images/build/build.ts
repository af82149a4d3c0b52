// SPDX-License-Identifier: Apache-2.0
// Builds a kernel in a hard-linked copy of its source tree. The copy is kept, so that a killed build can resume, and
// another configuration of the same source can reuse its objects. ccache makes everything else cheap: a patched
// variant, or a tree that was lost.
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { commandError, lastLines, mustRun, runCommand, saysDiskFull } from '../../util/process/command.js';
import { LabError } from '../../util/errors.js';
import { withLock } from '../../util/process/lock.js';
import { LineSplitter } from '../../util/text/lines.js';
import { overlaid, touchedBy } from '../abi/tree.js';
import { readJson } from '../../util/read-json.js';
import { keyOf, writeJson } from '../cache/cache.js';
import { readImage } from '../cache/read-image.js';
import { inputsOf, keyWith } from './keys.js';
import { checkOut, checkoutName, gitOf } from '../source/checkout.js';
import { compileCommand, compilerVersion } from './compiler.js';
import { type Confinement, confinementOf, isForeign } from '../source/confine.js';
import { KEY_FILE, lastBuilt, pathInside, type Seed, setPathInside, usableSeed } from '../source/seed.js';
import type { Workspace } from '../context.js';
import { type KernelDefinition, ownFolder } from '../definition/definition.js';
import { Pace } from '../cache/pace.js';
import { builtIn, configLine } from '../config/built-in.js';
import { configDigest, startingConfig } from '../config/starting-config.js';
import { type RequestedOption, checkConfig, effectiveOptions, readFragment } from './fragment.js';
import { DoesNotBuild } from '../failures.js';
import { programPath } from '../requirements.js';
import { CHANGED, treeLock } from './old-trees.js';
import { applyPatches, fileDigest, layOver, overlayDigests } from './tree.js';

export interface BuildResult {
  /** The tree, with the finished files in it. */
  tree: string;
  seconds: number;
  log: string;
}

/** An unpacked source tree and the id of its content. */
export interface BuildSource {
  dir: string;
  id: string;
}

/** A step of the build as make prints it: "  CC      mm/memfd.o". */
const STEP = /^ {2}[A-Z][A-Z0-9_]+ +(\S+)/;

let turn: Promise<unknown> = Promise.resolve();

/** One build at a time, because each uses all processors. */
export function buildKernel(
  definition: KernelDefinition,
  source: BuildSource,
  key: string,
  work: Workspace,
  holdFd: number,
): Promise<BuildResult> {
  const result = turn.then(() => build(definition, source, key, work, holdFd));
  turn = result.catch(() => undefined);
  return result;
}

async function build(
  definition: KernelDefinition,
  source: BuildSource,
  key: string,
  work: Workspace,
  holdFd: number,
): Promise<BuildResult> {
  const start = performance.now();
  const { tree: path, name } = treeOf(definition, source.id, work);
  const whole = work.cache.fact(`whole-${name}`);
  // make takes a file that a killed compiler has begun for a finished one, and a sandbox dies without mercy.
  if (isForeign(definition) && !existsSync(whole)) await rm(path, { recursive: true, force: true });
  rmSync(whole, { force: true });
  // A foreign kernel is refused before anything is copied for it.
  await confinementOf(definition, { path, name }, work);
  const tree = await prepareTree(definition, source, { work, holdFd });
  const inside = pathInside(name, work);
  const confined = await confinementOf(definition, { path, name, ...(inside && { at: inside }) }, work);
  const log = work.cache.log(`${definition.name}-${key.slice(0, 12)}.log`);
  mkdirSync(dirname(log), { recursive: true });
  mkdirSync(confined.ccache, { recursive: true });
  // It is the newest tree now (old-trees.ts).
  utimesSync(tree, new Date(), new Date());
  const env = { ...buildEnvironment(tree, work, confined.at), CCACHE_DIR: confined.ccache };
  await configure(definition, tree, env, { work, holdFd, confined });
  const previousKey = existsSync(join(tree, KEY_FILE)) ? readFileSync(join(tree, KEY_FILE), 'utf8') : null;
  writeInTree(tree, KEY_FILE, key);
  await make(definition, tree, log, previousKey === key ? 'resumed' : 'fresh', env, { work, holdFd, confined });
  if (isForeign(definition)) writeJson(whole, {});
  return { tree, seconds: Math.round((performance.now() - start) / 1000), log };
}

/**
 * The environment is always the same: nothing in the caller's can change the result. What a killed compiler leaves
 * stays in the tree until the next build.
 */
export function buildEnvironment(tree: string, work: Workspace, at = tree): NodeJS.ProcessEnv {
  const temporary = '.lab-tmp';
  rmSync(join(tree, temporary), { recursive: true, force: true });
  mkdirSync(join(tree, temporary));
  return {
    PATH: programPath(),
    HOME: process.env['HOME'],
    TMPDIR: join(at, temporary),
    LC_ALL: 'C',
    KBUILD_BUILD_TIMESTAMP: 'Thu Jan  1 00:00:00 UTC 1970',
    KBUILD_BUILD_USER: 'lab',
    KBUILD_BUILD_HOST: 'lab',
    KBUILD_BUILD_VERSION: '1',
    CCACHE_DIR: work.cache.ccache(),
    // No preprocessing: the first build of a kernel must not pay for later ones.
    CCACHE_DEPEND: '1',
    CCACHE_NOHASHDIR: '1',
    CCACHE_BASEDIR: work.cache.dir,
  };
}

interface Holding {
  work: Workspace;
  holdFd: number;
}

interface How extends Holding {
  confined: Confinement;
}

/** Writes a file of the lab's into a tree, where a build may have left a link of that name. */
function writeInTree(tree: string, name: string, text: string): void {
  rmSync(join(tree, name), { force: true, recursive: true });
  writeFileSync(join(tree, name), text, { flag: 'wx' });
}

async function prepareTree(definition: KernelDefinition, source: BuildSource, holding: Holding): Promise<string> {
  const { work, holdFd } = holding;
  const { tree, name } = treeOf(definition, source.id, work);
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
    const seed = isForeign(definition) ? usableSeed(seedsOf(definition, source.id, work), work) : null;
    setPathInside(name, seed?.tree ?? null, work);
    if (seed === null) {
      // A foreign build could write into the source through a link.
      const how = isForeign(definition) ? ['-a', '--reflink=auto'] : ['-al'];
      await mustRun(['cp', ...how, '--', source.dir, beside], 'cannot link the source tree', options);
      for (const overlay of definition.overlay) layOver(overlay, beside);
    } else {
      // Nobody may build in it meanwhile.
      await withLock(seed.lock, { signal: work.signal }, async (lock) => {
        await settleSeed(seed, source.id, { work, holdFd: lock.fd });
        await mustRun(['cp', '-a', '--reflink=auto', '--', seed.tree, beside], 'cannot copy the built tree', options);
      });
      rmSync(join(beside, KEY_FILE), { force: true });
    }
    const left = definition.patches.slice(seed?.patches ?? 0);
    await applyPatches(left, beside, definition.name, { work, task, holdFd });
  } catch (error) {
    await rm(beside, { recursive: true, force: true });
    throw error;
  }
  renameSync(beside, tree);
  return tree;
}

/**
 * Where a kernel is built, and the name of its lock. All kernels of a source with the same patches and overlays share
 * one tree at a fixed path (make would rebuild everything at another path). After a change of the configuration, make
 * rebuilds only what depends on the changed options.
 */
export function treeOf(
  definition: KernelDefinition,
  sourceId: string,
  work: Workspace,
): { tree: string; name: string; lock: string } {
  const { patches, overlay, config, configOf } = definition;
  const git = gitOf(definition);
  const changed =
    git === null && isForeign(definition)
      ? `${CHANGED}foreign${keyOf([patches.map(fileDigest), overlay.map(overlayDigests), config.map(fileDigest)])}`
      : patches.length === 0 && overlay.length === 0
        ? ''
        : `${CHANGED}${keyOf([patches.map(fileDigest), overlay.map(overlayDigests)])}`;
  // Small kernels and those of a distribution differ in almost every object.
  const start = configOf === null || git !== null ? '' : `${CHANGED}config${configDigest(configOf).slice(0, 12)}`;
  const name = (git === null ? sourceId : checkoutName(git)) + changed + start;
  return { tree: work.cache.built(name), name, lock: treeLock(name, work) };
}

/** Trees of the lab's own kernels with the same source and overlays, those with the most of the patches first. */
function seedsOf(definition: KernelDefinition, sourceId: string, work: Workspace): Seed[] {
  const file = join(ownFolder(), basename(definition.file));
  return Array.from({ length: definition.patches.length + 1 }, (_, less) => {
    const patches = definition.patches.length - less;
    const own = { ...definition, file, patches: definition.patches.slice(0, patches) };
    const { tree, lock } = treeOf(own, sourceId, work);
    return { tree, lock, patches, definition: own };
  });
}

/**
 * If another configuration was built last, all objects would differ. The lab's own kernel is built again then, from
 * ccache, which a foreign build does not share.
 */
async function settleSeed({ tree, definition }: Seed, sourceId: string, { work, holdFd }: Holding): Promise<void> {
  const compiler = await compilerVersion(work);
  const key = compiler === null ? null : keyWith(inputsOf(definition, sourceId), compiler);
  if (key === null || readImage(work.cache, key) === null || lastBuilt(tree) === key) return;
  const confined = { ccache: work.cache.ccache(), at: tree, command: (argv: readonly string[]) => [...argv] };
  const how = { work, holdFd, confined };
  const env = buildEnvironment(tree, work);
  const base = { ...definition, name: `${definition.name}-base` };
  await configure(base, tree, env, how);
  writeInTree(tree, KEY_FILE, key);
  await make(base, tree, work.cache.log(`${base.name}-${key.slice(0, 12)}.log`), 'fresh', env, how);
}

/** Turns everything off except what the fragments ask for and its dependencies, or changes a finished configuration. */
async function configure(
  definition: KernelDefinition,
  tree: string,
  env: NodeJS.ProcessEnv,
  { work, holdFd, confined }: How,
): Promise<void> {
  const task = `configure ${definition.name}`;
  work.onProgress({ task, done: 0, of: null });
  const fragments = definition.config.map((file) => readFragment(file));
  const asked: RequestedOption[] = fragments.flatMap((fragment) => fragment.options);
  const from = definition.configOf;
  if (from === null) writeInTree(tree, '.lab-asked.config', asked.map((o) => `${o.name}=${o.value}\n`).join(''));
  else {
    const start = builtIn(await startingConfig(from, definition.name, work), asked);
    writeInTree(tree, '.config', [start, ...effectiveOptions(asked).map(configLine), ''].join('\n'));
  }
  const target = from === null ? ['KCONFIG_ALLCONFIG=.lab-asked.config', 'allnoconfig'] : ['olddefconfig'];
  const argv = ['make', '-s', ...makeVariables(work), ...target];
  const result = await runCommand(confined.command(argv), { cwd: tree, env, signal: work.signal, holdFd });
  if (result.code !== 0) {
    const what = `kernel ${definition.name} cannot be configured`;
    throw saysDiskFull(result.stderr) ? commandError(what, ['make'], result) : new DoesNotBuild(what, result.stderr);
  }
  checkConfig(asked, readFileSync(join(tree, '.config'), 'utf8'), definition.name);
}

export function makeVariables(work: Workspace): string[] {
  // LOCALVERSION= prevents the build from adding a + if the tree lies in a git repository.
  return ['ARCH=x86_64', `CC=${compileCommand(work)}`, 'HOSTCC=ccache gcc', 'LOCALVERSION='];
}

const stepsSchema = z.object({ count: z.number() });
type Steps = z.infer<typeof stepsSchema>;

async function make(
  definition: KernelDefinition,
  tree: string,
  log: string,
  start: 'fresh' | 'resumed',
  env: NodeJS.ProcessEnv,
  { work, holdFd, confined }: How,
): Promise<void> {
  const task = `build ${definition.name}`;
  const memory = work.cache.fact(`steps-${definition.name.replace(/[^\w.-]/g, '_')}`);
  const of = readJson(memory, stepsSchema)?.count ?? definition.steps;
  const resumed = start === 'resumed';
  const before = resumed ? stepsIn(log) : 0;
  let done = before;
  const pace = new Pace(definition.name, of === null ? null : Math.max(0, of - before), work);
  const out = createWriteStream(log, { flags: resumed ? 'a' : 'w' });
  let full: Error | null = null;
  out.on('error', (error) => (full = error));
  const lines = new LineSplitter((line) => {
    const step = STEP.exec(line);
    if (!step) return;
    done++;
    const expected = of === null ? null : Math.max(of, done + 1);
    pace.step(done - before);
    const count = expected === null ? `${done}` : `${done}/${expected}`;
    work.onProgress({ task, done, of: expected, detail: `${count} ${step[1] ?? ''}` });
  });
  const feed = (chunk: Buffer) => {
    out.write(chunk);
    lines.feed(chunk);
  };
  work.onProgress({ task, done, of });
  const result = await runCommand(confined.command(['make', `-j${work.jobs}`, ...makeVariables(work), 'bzImage']), {
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
    if (saysDiskFull(tail))
      throw new LabError(`kernel ${definition.name} does not build: the disk is full`, {
        detail: lastLines(tail, 30),
        hint: 'free some space, or use a cache elsewhere with LAB_CACHE=FOLDER',
      });
    throw new DoesNotBuild(`kernel ${definition.name} does not build (full log: ${log})`, tail);
  }
  pace.end();
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
