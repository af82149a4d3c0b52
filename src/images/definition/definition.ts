// SPDX-License-Identifier: Apache-2.0
// Reads a kernel's definition: YAML, validated, with all paths made absolute.
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { UsageError } from '../../util/errors.js';
import { nearest } from '../../util/text/nearest.js';
import { packageRoot } from '../../util/package-root.js';
import { readRegularFileSync } from '../../util/files/regular-file.js';
import { defaultCacheDir } from '../cache/cache.js';
import { type ConfigOf, configOfIn } from './config-of.js';
import { DefinitionReader } from './reader.js';
import { type Source, sourcesOf } from './sources.js';

export type { Source } from './sources.js';

/** Ready-made files; nothing is built. */
export interface Prebuilt {
  bzImage: string;
  vmlinux: string | null;
  config: string | null;
  systemMap: string | null;
}

export interface KernelDefinition {
  name: string;
  file: string;
  description: string;
  sources: Source[];
  prebuilt: Prebuilt | null;
  /** The configuration that the fragments are laid over; null if that is everything off. */
  configOf: ConfigOf | null;
  /** Configuration fragments, in order. */
  config: string[];
  /**
   * Fragments on top of those, for a smaller kernel that serves scenarios without guests and devices; none if there is
   * no such kernel. They are no part of the kernel itself.
   */
  core: string[];
  patches: string[];
  /** Folders that are laid over the source tree. */
  overlay: string[];
  /** How many compile and link lines a build prints: the total for the progress display of a first build. */
  steps: number | null;
  /** Built only if a user names it. */
  onDemand: boolean;
}

const KEYS = [
  'description',
  'base',
  'sources',
  'prebuilt',
  'configOf',
  'config',
  'core',
  'patches',
  'overlay',
  'steps',
  'build',
];
/** Of a definition. */
const MAX_BYTES = 256 * 1024;

/** Definitions that plans of the user made from refs of git trees (available/tree-kernels.ts). */
export const treesFolder = (cacheDir: string): string => join(cacheDir, 'trees');

/** The project's own definitions. */
export const ownFolder = (): string => join(packageRoot(), 'images', 'kernels');

/** Folders with definitions: $LAB_IMAGES, the project's own, and those of git trees. */
export function definitionFolders(): string[] {
  const extra = (process.env['LAB_IMAGES'] ?? '')
    .split(':')
    .filter((dir) => dir !== '')
    .map((dir) => resolve(dir));
  return [...extra, ownFolder(), treesFolder(defaultCacheDir())];
}

/** All definitions: name and file. If a name occurs twice, the first folder wins. */
export function knownDefinitions(): Map<string, string> {
  const known = new Map<string, string>();
  for (const folder of definitionFolders()) {
    for (const [name, entry] of definitionsIn(folder)) if (!known.has(name)) known.set(name, join(folder, entry));
  }
  return known;
}

/** The definitions in a folder: name and file. A name comes before the names that extend it. */
function definitionsIn(folder: string): [name: string, entry: string][] {
  const found = entriesOf(folder).flatMap((entry): [string, string][] => {
    const name = /^(.+)\.ya?ml$/.exec(entry)?.[1];
    return name === undefined ? [] : [[name, entry]];
  });
  return found.sort(([a], [b]) => byVersion(a, b));
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

export function byVersion(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

export function readDefinition(file: string): KernelDefinition {
  return read(resolve(file), []);
}

function read(file: string, derived: string[]): KernelDefinition {
  if (derived.includes(file)) throw new UsageError(`${file}: derives from itself`);
  let text: string;
  try {
    text = readRegularFileSync(file, { maxBytes: MAX_BYTES }).toString('utf8');
  } catch (cause) {
    throw new UsageError(`cannot read the kernel definition ${file}: ${(cause as Error).message}`, { cause });
  }
  const reader = new DefinitionReader(file, text, KEYS);
  const base = reader.text('base');
  const parent = base === null ? null : read(baseFile(reader, base), [...derived, file]);
  const configOf = configOfIn(reader);
  const definition: KernelDefinition = {
    name: basename(file).replace(/\.ya?ml$/, ''),
    file,
    description: reader.text('description') ?? parent?.description ?? '',
    sources: reader.has('sources') ? sourcesOf(reader) : (parent?.sources ?? []),
    prebuilt: prebuiltOf(reader),
    configOf: configOf ?? parent?.configOf ?? null,
    // The fragments of the base build up from nothing; a finished configuration has most of that, and more.
    config: [...(configOf === null ? (parent?.config ?? []) : []), ...reader.paths('config', fragmentFile)],
    core: coreFragments(reader, parent),
    patches: [...(parent?.patches ?? []), ...reader.paths('patches')],
    overlay: [...(parent?.overlay ?? []), ...reader.paths('overlay')],
    steps: reader.count('steps') ?? parent?.steps ?? null,
    onDemand: onDemandOf(reader) ?? parent?.onDemand ?? false,
  };
  if (definition.sources.length === 0 && definition.prebuilt === null) {
    throw reader.error(null, 'a kernel needs sources or prebuilt, and this definition has neither');
  }
  return definition;
}

function baseFile(reader: DefinitionReader, base: string): string {
  if (base.includes('/')) return reader.resolve(base);
  const beside = join(dirname(reader.file), `${base}.yaml`);
  const file = beside !== reader.file && existsSync(beside) ? beside : knownDefinitions().get(base);
  if (file === undefined) throw reader.error(reader.node('base'), unknownKernel(base));
  return file;
}

export function unknownKernel(name: string): string {
  const known = [...knownDefinitions().keys()];
  const close = nearest(name, known);
  const suggestion = close === null ? '' : `; did you mean ${close}?`;
  return `no kernel ${JSON.stringify(name)}${suggestion} Known: ${known.join(', ')}`;
}

/** Finds a fragment by name (images/config/NAME.config, relative to the definition) or by path. */
function fragmentFile(name: string, file: string): string {
  if (name.includes('/')) return resolve(dirname(file), name);
  const own = join(dirname(file), '..', 'config', `${name}.config`);
  return existsSync(own) ? own : join(packageRoot(), 'images', 'config', `${name}.config`);
}

/** Options that a derived definition adds may need what the small variant lacks, so it names the fragments again. */
function coreFragments(reader: DefinitionReader, parent: KernelDefinition | null): string[] {
  if (reader.has('core')) return reader.paths('core', fragmentFile);
  return reader.has('config') || reader.has('configOf') ? [] : (parent?.core ?? []);
}

function onDemandOf(reader: DefinitionReader): boolean | null {
  const word = reader.text('build');
  if (word !== null && word !== 'on-demand' && word !== 'always')
    throw reader.error(reader.node('build'), 'build: expected on-demand or always');
  return word === null ? null : word === 'on-demand';
}

function prebuiltOf(reader: DefinitionReader): Prebuilt | null {
  if (!reader.has('prebuilt')) return null;
  const node = reader.node('prebuilt');
  const map = reader.map(node, ['bzImage', 'vmlinux', 'config', 'systemMap']);
  const path = (key: string) => (map.has(key) ? reader.resolve(reader.string(map.get(key), key)) : null);
  const bzImage = path('bzImage');
  if (bzImage === null) throw reader.error(node, 'prebuilt: bzImage is missing');
  return { bzImage, vmlinux: path('vmlinux'), config: path('config'), systemMap: path('systemMap') };
}
