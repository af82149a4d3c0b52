// SPDX-License-Identifier: Apache-2.0
// Makes objects with the handover's types from a source, without building a kernel: a part of the tree, a special
// configuration, and a few files compiled by the tree's own rules. The cache keeps them by the content of all inputs.
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { commandError, lastLines, runCommand, saysDiskFull } from '../../util/process/command.js';
import { LabError, UsageError } from '../../util/errors.js';
import { readRegularFileSync } from '../../util/files/regular-file.js';
import { withLock } from '../../util/process/lock.js';
import { packageRoot } from '../../util/package-root.js';
import { FILE_PROBE, fileProbe } from './file-probe.js';
import { type AbiWanted, PROBE, writeProbe } from './probe.js';
import { type AbiInputs, abiTreeIdentity, isSourceTree, makeAbiTree, overlaid, touchedBy } from './tree.js';
import { buildEnvironment, makeVariables } from '../build/build.js';
import { readJson } from '../../util/read-json.js';
import { keyOf, onDisk, writeJson } from '../cache/cache.js';
import { compilerVersion } from '../build/compiler.js';
import { type Confinement, confinementOf, isForeign } from '../source/confine.js';
import type { Workspace } from '../context.js';
import type { KernelDefinition } from '../definition/definition.js';
import { parseConfig, readFragment } from '../build/fragment.js';
import { ensureTools } from '../requirements.js';
import { ensureSource } from '../source/source.js';
import { fileDigest, overlayDigests } from '../build/tree.js';

/** Increased when the same inputs would give other objects. */
const RECIPE = 2;
/** How many are kept, newest first. Each takes a megabyte, and every change of a developer's tree makes another. */
const MAX_KEPT = 64;
/** Anything older than this is abandoned. */
const MAX_AGE_MS = 3_600_000;
/** Bytes of a configuration, and characters of a release. */
const MAX_TEXT = 4 << 20;
const MAX_RELEASE = 200;

const storedSchema = z.object({
  schema: z.literal(1),
  /** As `uname -r` would print it. */
  release: z.string().nullable(),
  /** ELF objects that contain the types: names in the folder when stored, else paths. */
  objects: z.array(z.string()),
  /** The object with the table of file-probe.ts; null if there is none. */
  places: z.string().nullable(),
  /** Defines of the sources, as C. */
  defines: z.string(),
  /** Every requested source compiled. */
  complete: z.boolean(),
  notes: z.array(z.string()),
});
type Stored = z.infer<typeof storedSchema>;
export type AbiObjects = Omit<Stored, 'schema'>;

const fragment = (name: string) => join(packageRoot(), 'images', 'config', `${name}.config`);

/** Makes the objects of a kernel's definition; fetches its source if needed. */
export async function definitionObjects(
  definition: KernelDefinition,
  patches: readonly string[],
  wanted: AbiWanted,
  work: Workspace,
): Promise<AbiObjects> {
  const source = await onDisk(work.cache, () => ensureSource(definition, work));
  const inputs: AbiInputs = {
    name: definition.name,
    dir: source.dir,
    // A foreign makefile could write into the source through a link.
    linked: !isForeign(definition),
    foreign: isForeign(definition) ? definition : null,
    config: [...definition.config, fragment('abi-types')],
    patches: [...definition.patches, ...patches],
    overlay: definition.overlay,
  };
  return objectsOf(inputs, source.id, wanted, work);
}

/** Makes the objects of a source tree; nothing is written into it. */
export async function treeObjects(
  path: string,
  patches: readonly string[],
  wanted: AbiWanted,
  work: Workspace,
): Promise<AbiObjects> {
  const dir = resolve(path);
  if (!isSourceTree(dir)) throw new UsageError(`${path} is not a kernel source tree`);
  const inputs: AbiInputs = {
    name: path,
    dir,
    linked: false,
    foreign: null,
    config: [fragment('abi-tree'), fragment('abi-types')],
    patches: [...patches],
    overlay: [],
  };
  return objectsOf(inputs, abiTreeIdentity(dir, patches, work.signal), wanted, work);
}

async function objectsOf(inputs: AbiInputs, sourceId: string, wanted: AbiWanted, work: Workspace): Promise<AbiObjects> {
  for (const patch of inputs.patches) if (!existsSync(patch)) throw new UsageError(`no file ${patch}`);
  const absolute = { ...inputs, patches: inputs.patches.map((patch) => resolve(patch)) };
  await ensureTools(['build'], work);
  const key = keyOf([
    'abi',
    RECIPE,
    wanted.recipe,
    wanted.headers,
    sourceId,
    await compilerVersion(work),
    inputs.config.map(fileDigest),
    absolute.patches.map(fileDigest),
    inputs.overlay.map(overlayDigests),
  ]);
  const stored = read(key, work);
  if (stored !== null) return stored;
  const onWait = () =>
    work.onProgress({
      task: `types of ${inputs.name}`,
      done: 0,
      of: null,
      detail: 'is waiting for another lab that reads them',
    });
  return onDisk(work.cache, () =>
    withLock(work.cache.lock(`abi-${key}`), { signal: work.signal, onWait }, async (lock) => {
      const other = read(key, work);
      if (other !== null) return other;
      const tree = work.cache.build(`abi-${key}`);
      const own = { ccache: work.cache.ccache(), command: (argv: readonly string[]) => [...argv] };
      const confined =
        inputs.foreign === null ? own : await confinementOf(inputs.foreign, { path: tree, name: `abi-${key}` }, work);
      try {
        await makeAbiTree(absolute, tree, work, lock.fd);
        await compile(absolute, { tree, key, wanted, confined }, work, lock.fd);
      } finally {
        await rm(tree, { recursive: true, force: true });
        if (inputs.foreign !== null) await rm(confined.ccache, { recursive: true, force: true });
      }
      await forgetOld(work);
      const made = read(key, work);
      if (made === null) throw new LabError(`the types of ${inputs.name} were read, but are missing from the cache`);
      return made;
    }),
  );
}

function read(key: string, work: Workspace): AbiObjects | null {
  const dir = work.cache.abi(key);
  const stored = readJson(join(dir, 'abi.json'), storedSchema);
  if (stored === null) return null;
  const objects = stored.objects.map((name) => join(dir, name));
  const places = stored.places === null ? null : join(dir, stored.places);
  return [...objects, ...(places === null ? [] : [places])].every((path) => existsSync(path))
    ? { ...stored, objects, places }
    : null;
}

interface Compiling {
  tree: string;
  key: string;
  wanted: AbiWanted;
  confined: Pick<Confinement, 'ccache' | 'command'>;
}

async function compile(
  inputs: AbiInputs,
  { tree, key, wanted, confined }: Compiling,
  work: Workspace,
  holdFd: number,
): Promise<void> {
  const task = `types of ${inputs.name}`;
  const env = { ...buildEnvironment(tree, work), CCACHE_DIR: confined.ccache };
  const options = { cwd: tree, env, signal: work.signal, holdFd };
  mkdirSync(confined.ccache, { recursive: true });
  // Before anything of the tree runs: it could put a link in the place of the file.
  const probe = writeProbe(tree, [...touchedBy(inputs.patches), ...overlaid(inputs.overlay)], wanted);
  const fileProbeText = fileProbe(tree);
  if (fileProbeText !== null) writeFileSync(join(tree, `${FILE_PROBE}.c`), fileProbeText);
  work.onProgress({ task, done: 0, of: null, detail: 'configuring' });
  const asked = inputs.config.flatMap((file) => readFragment(file).options);
  writeFileSync(join(tree, '.lab-asked.config'), asked.map(({ name, value }) => `${name}=${value}\n`).join(''));
  const configured = await runCommand(
    confined.command(['make', '-s', ...makeVariables(work), 'KCONFIG_ALLCONFIG=.lab-asked.config', 'allnoconfig']),
    options,
  );
  if (configured.code !== 0) throw commandError(`${inputs.name} cannot be configured`, ['make'], configured);
  const config = parseConfig(readRegularFileSync(join(tree, '.config'), { maxBytes: MAX_TEXT }).toString('utf8'));
  const notes: string[] = [];
  const made: string[] = [];
  const places = `${FILE_PROBE}.o`;
  if (config.get('CONFIG_KEXEC_HANDOVER') === 'y') {
    work.onProgress({ task, done: 0, of: null, detail: 'compiling' });
    // Unused types are wanted too. Objects are not checked, so that the tool for it need not be built.
    const argv = [
      'make',
      '-k',
      `-j${work.jobs}`,
      ...makeVariables(work),
      'OBJECT_FILES_NON_STANDARD=y',
      'KCFLAGS=-fno-eliminate-unused-debug-types',
      ...probe.objects,
      ...(fileProbeText === null ? [] : [places]),
    ];
    const result = await runCommand(confined.command(argv), options);
    work.signal.throwIfAborted();
    for (const object of probe.objects) {
      if (isPlainFile(join(tree, object))) made.push(object);
      else if (object === `${PROBE}.o`) throw failure(inputs.name, result.stderr);
      else
        notes.push(`${object.replace(/\.o$/, '.c')} does not compile: the structures that it declares are not known`);
    }
  } else notes.push('CONFIG_KEXEC_HANDOVER cannot be set: nothing crosses a kexec');
  store(
    tree,
    made,
    {
      defines: made.length > 0 ? probe.defines : '',
      places: isPlainFile(join(tree, places)) ? places : null,
      complete: made.length === 0 || made.length === probe.objects.length,
      notes,
    },
    key,
    work,
  );
}

/** A link could lead to any file of the host. */
function isPlainFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function failure(name: string, stderr: string): LabError {
  const full = saysDiskFull(stderr);
  const errors = stderr
    .split('\n')
    .filter((line) => /error:|No such file|No rule/.test(line))
    .join('\n');
  return new LabError(`${name}: the headers of the handover do not compile${full ? ': the disk is full' : ''}`, {
    detail: lastLines(errors === '' ? stderr : errors, 20),
  });
}

function store(
  tree: string,
  made: readonly string[],
  facts: Pick<Stored, 'defines' | 'places' | 'complete' | 'notes'>,
  key: string,
  work: Workspace,
): void {
  const dir = work.cache.abi(key);
  const beside = join(dirname(dir), `.${key}.${process.pid}`);
  mkdirSync(beside, { recursive: true });
  const keep = (path: string): string => {
    const name = path.replaceAll('/', '_');
    copyFileSync(join(tree, path), join(beside, name));
    return name;
  };
  const objects = made.map(keep);
  const places = facts.places === null ? null : keep(facts.places);
  const release = join(tree, 'include/config/kernel.release');
  writeJson(join(beside, 'abi.json'), {
    schema: 1,
    release: isPlainFile(release)
      ? readRegularFileSync(release, { maxBytes: MAX_TEXT }).toString('utf8').trim().slice(0, MAX_RELEASE)
      : null,
    ...facts,
    objects,
    places,
  } satisfies Stored);
  // An existing folder was incomplete, or it would have been used.
  if (existsSync(dir)) renameSync(dir, `${beside}.old`);
  renameSync(beside, dir);
}

/** Removes unused results, and what a killed lab left. */
async function forgetOld(work: Workspace): Promise<void> {
  const folder = dirname(work.cache.abi('x'));
  const age = (path: string) => Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  const paths = readdirSync(folder).map((name) => join(folder, name));
  const hidden = (path: string) => basename(path).startsWith('.');
  const extra = paths
    .filter((path) => !hidden(path))
    .sort((a, b) => age(a) - age(b))
    .slice(MAX_KEPT);
  const left = paths.filter((path) => hidden(path) && (path.endsWith('.old') || age(path) > MAX_AGE_MS));
  const trees = readdirSync(dirname(work.cache.build('x')))
    .filter((name) => name.startsWith('abi-'))
    .map((name) => work.cache.build(name));
  for (const path of [...extra, ...left, ...trees.filter((tree) => age(tree) > MAX_AGE_MS)])
    await rm(path, { recursive: true, force: true });
}
