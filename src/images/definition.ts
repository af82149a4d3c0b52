// SPDX-License-Identifier: Apache-2.0
// A kernel's definition: YAML, checked, with everything in it resolved to absolute paths.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { UsageError } from '../util/errors.js';
import { nearest } from '../util/nearest.js';
import { packageRoot } from '../util/package-root.js';

/** Where the source of a kernel comes from. Several are tried in the order of the definition. */
export type Source =
  /** A distribution's source package: its upstream tarball alone. */
  | { kind: 'apt-source'; suite: string; package: string; version: string }
  /** A distribution's binary package that holds a source tarball as `member`. */
  | { kind: 'apt-binary'; suite: string; package: string; version: string; member: string }
  | { kind: 'url'; url: string; sha256: string }
  | { kind: 'tarball'; path: string; sha256: string | null }
  | { kind: 'directory'; path: string }
  | { kind: 'git'; path: string; ref: string };

/** Ready-made files: nothing is built. */
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
  /** Fragments of the configuration, in order. */
  config: string[];
  patches: string[];
  /** Folders that are laid over the source tree. */
  overlay: string[];
  /** Lines of compiling and linking that a build prints, for the progress before one was counted. */
  steps: number | null;
  /** Built only where it is named. */
  onDemand: boolean;
}

const KEYS = ['description', 'base', 'sources', 'prebuilt', 'config', 'patches', 'overlay', 'steps', 'build'];
const SOURCE_KEYS: Record<Source['kind'], readonly string[]> = {
  'apt-source': ['suite', 'package', 'version'],
  'apt-binary': ['suite', 'package', 'version', 'member'],
  url: ['url', 'sha256'],
  tarball: ['path', 'sha256'],
  directory: ['path'],
  git: ['path', 'ref'],
};
/** What may stand where it ends up as an argument of apt: nothing that is an option or a path. */
const APT_WORD = /^[A-Za-z0-9][A-Za-z0-9.+~:-]*$/;

/** Folders of definitions: the project's own, and $LAB_IMAGES. */
export function definitionFolders(): string[] {
  const extra = (process.env['LAB_IMAGES'] ?? '').split(':').filter((dir) => dir !== '').map((dir) => resolve(dir));
  return [...extra, join(packageRoot(), 'images', 'kernels')];
}

/** Names of all definitions, each with its file. Where a name occurs twice, the folder that comes first wins. */
export function knownDefinitions(): Map<string, string> {
  const known = new Map<string, string>();
  for (const folder of definitionFolders()) {
    for (const [name, entry] of definitionsIn(folder)) if (!known.has(name)) known.set(name, join(folder, entry));
  }
  return known;
}

/** Names of a folder's definitions with their files; a name comes before those that derive theirs from it. */
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
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UsageError(`cannot read the kernel definition ${file}: ${(cause as Error).message}`, { cause });
  }
  const reader = new Reader(file, text);
  const base = reader.text('base');
  const parent = base === null ? null : read(baseFile(reader, base), [...derived, file]);
  const definition: KernelDefinition = {
    name: basename(file).replace(/\.ya?ml$/, ''),
    file,
    description: reader.text('description') ?? parent?.description ?? '',
    sources: reader.has('sources') ? reader.sources() : (parent?.sources ?? []),
    prebuilt: reader.prebuilt(),
    config: [...(parent?.config ?? []), ...reader.paths('config', fragmentFile)],
    patches: [...(parent?.patches ?? []), ...reader.paths('patches')],
    overlay: [...(parent?.overlay ?? []), ...reader.paths('overlay')],
    steps: reader.count('steps') ?? parent?.steps ?? null,
    onDemand: reader.onDemand() ?? parent?.onDemand ?? false,
  };
  if (definition.sources.length === 0 && definition.prebuilt === null) {
    throw reader.error(null, 'neither sources nor prebuilt: nothing to make this kernel of');
  }
  return definition;
}

function baseFile(reader: Reader, base: string): string {
  if (base.includes('/')) return reader.resolve(base);
  const beside = join(dirname(reader.file), `${base}.yaml`);
  const file = beside !== reader.file && existsSync(beside) ? beside : knownDefinitions().get(base);
  if (file === undefined) throw reader.error(reader.node('base'), unknownKernel(base));
  return file;
}

export function unknownKernel(name: string): string {
  const known = [...knownDefinitions().keys()];
  const close = nearest(name, known);
  return `no kernel ${JSON.stringify(name)}${close === null ? '' : `; did you mean ${close}?`} Known: ${known.join(', ')}`;
}

/** A fragment by name (images/config/NAME.config, seen from the definition) or by path. */
function fragmentFile(name: string, file: string): string {
  if (name.includes('/')) return resolve(dirname(file), name);
  const own = join(dirname(file), '..', 'config', `${name}.config`);
  return existsSync(own) ? own : join(packageRoot(), 'images', 'config', `${name}.config`);
}

class Reader {
  private readonly lines = new LineCounter();
  private readonly top: Map<string, Node | null>;

  constructor(
    readonly file: string,
    text: string,
  ) {
    const document = parseDocument(text, { lineCounter: this.lines });
    const [problem] = document.errors;
    if (problem) {
      const { line, col } = this.lines.linePos(problem.pos[0]);
      throw new UsageError(`${file}:${line}:${col}: ${problem.message.split('\n')[0] ?? ''}`);
    }
    this.top = this.map(document.contents as Node | null, KEYS);
  }

  error(node: Node | null | undefined, what: string): UsageError {
    const { line, col } = this.lines.linePos(node?.range?.[0] ?? 0);
    return new UsageError(`${this.file}:${line}:${col}: ${what}`);
  }

  has(key: string): boolean {
    return this.top.has(key);
  }

  node(key: string): Node | null {
    return this.top.get(key) ?? null;
  }

  resolve(path: string): string {
    return isAbsolute(path) ? path : resolve(dirname(this.file), path);
  }

  private map(node: Node | null, keys: readonly string[]): Map<string, Node | null> {
    if (!isMap(node)) throw this.error(node, 'expected keys and values');
    const map = new Map<string, Node | null>();
    for (const pair of node.items) {
      const key = isScalar(pair.key) ? String(pair.key.value) : '';
      if (!keys.includes(key)) {
        const close = nearest(key, keys);
        throw this.error(pair.key as Node, `unknown key ${JSON.stringify(key)}${close ? `; did you mean ${close}?` : ''} Known: ${keys.join(', ')}`);
      }
      map.set(key, pair.value as Node | null);
    }
    return map;
  }

  private string(node: Node | null | undefined, key: string): string {
    // The text as it was written: a version such as 7.10 is no number.
    if (isScalar(node)) {
      if (typeof node.value === 'string' && node.value !== '') return node.value;
      if (typeof node.value === 'number' && node.source) return node.source;
    }
    throw this.error(node, `${key}: expected a text`);
  }

  text(key: string): string | null {
    return this.top.has(key) ? this.string(this.top.get(key), key) : null;
  }

  onDemand(): boolean | null {
    const word = this.text('build');
    if (word !== null && word !== 'on-demand' && word !== 'always') throw this.error(this.node('build'), 'build: expected on-demand or always');
    return word === null ? null : word === 'on-demand';
  }

  count(key: string): number | null {
    if (!this.top.has(key)) return null;
    const node = this.top.get(key);
    if (isScalar(node) && Number.isInteger(node.value) && (node.value as number) > 0) return node.value as number;
    throw this.error(node, `${key}: expected a whole number above 0`);
  }

  paths(key: string, toFile: (name: string, file: string) => string = (name) => this.resolve(name)): string[] {
    if (!this.top.has(key)) return [];
    const node = this.top.get(key);
    if (!isSeq(node)) throw this.error(node, `${key}: expected a list`);
    return node.items.map((item) => {
      const path = toFile(this.string(item as Node, key), this.file);
      if (!existsSync(path)) throw this.error(item as Node, `${key}: no file ${path}`);
      return path;
    });
  }

  prebuilt(): Prebuilt | null {
    if (!this.top.has('prebuilt')) return null;
    const node = this.node('prebuilt');
    const map = this.map(node, ['bzImage', 'vmlinux', 'config', 'systemMap']);
    const path = (key: string) => (map.has(key) ? this.resolve(this.string(map.get(key), key)) : null);
    const bzImage = path('bzImage');
    if (bzImage === null) throw this.error(node, 'prebuilt: bzImage is missing');
    return { bzImage, vmlinux: path('vmlinux'), config: path('config'), systemMap: path('systemMap') };
  }

  sources(): Source[] {
    const node = this.node('sources');
    if (!isSeq(node)) throw this.error(node, 'sources: expected a list');
    return node.items.map((item) => this.source(item as Node));
  }

  private source(node: Node): Source {
    const every = [...new Set(['kind', ...Object.values(SOURCE_KEYS).flat()])];
    const kindNode = this.map(node, every).get('kind') ?? null;
    const kind = kindNode === null ? '' : this.string(kindNode, 'kind');
    if (!Object.hasOwn(SOURCE_KEYS, kind)) {
      const kinds = Object.keys(SOURCE_KEYS);
      const close = nearest(kind, kinds);
      throw this.error(kindNode ?? node, `kind: expected one of ${kinds.join(', ')}${close ? `; did you mean ${close}?` : ''}`);
    }
    const map = this.map(node, ['kind', ...SOURCE_KEYS[kind as Source['kind']]]);
    const need = (key: string): string => {
      if (!map.has(key)) throw this.error(node, `${kind}: ${key} is missing`);
      return this.string(map.get(key), key);
    };
    const word = (key: string): string => {
      const value = need(key);
      if (!APT_WORD.test(value)) throw this.error(map.get(key), `${key}: ${JSON.stringify(value)} is no name that apt knows`);
      return value;
    };
    const checksum = (): string => {
      const value = need('sha256').toLowerCase();
      if (!/^[0-9a-f]{64}$/.test(value)) throw this.error(map.get('sha256'), 'sha256: expected 64 hexadecimal digits');
      return value;
    };
    switch (kind as Source['kind']) {
      case 'apt-source':
        return { kind: 'apt-source', suite: word('suite'), package: word('package'), version: word('version') };
      case 'apt-binary': {
        const member = need('member').replace(/^\.?\/+/, '');
        if (member.startsWith('-')) throw this.error(map.get('member'), 'member: expected a path');
        return { kind: 'apt-binary', suite: word('suite'), package: word('package'), version: word('version'), member };
      }
      case 'url': {
        const url = need('url');
        if (!/^https?:\/\//.test(url)) throw this.error(map.get('url'), 'url: expected http:// or https://');
        return { kind: 'url', url, sha256: checksum() };
      }
      case 'tarball':
        return { kind: 'tarball', path: this.resolve(need('path')), sha256: map.has('sha256') ? checksum() : null };
      case 'directory':
        return { kind: 'directory', path: this.resolve(need('path')) };
      case 'git': {
        const ref = need('ref');
        if (ref.startsWith('-')) throw this.error(map.get('ref'), 'ref: expected a name of a commit');
        return { kind: 'git', path: this.resolve(need('path')), ref };
      }
    }
  }
}
