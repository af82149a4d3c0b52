// SPDX-License-Identifier: Apache-2.0
// The definition of a user space, images/userspace/NAME.yaml: another system, with its own process 1, on a disk of the
// machine.
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isSeq, type Node } from 'yaml';
import { UsageError } from '../../util/errors.js';
import { nearest } from '../../util/text/nearest.js';
import { packageRoot } from '../../util/package-root.js';
import { readRegularFileSync } from '../../util/files/regular-file.js';
import { definitionFolders } from '../definition/definition.js';
import { DefinitionReader } from '../definition/reader.js';

export interface UserspaceDefinition {
  name: string;
  file: string;
  description: string;
  suite: string;
  /** Of its packages, in Debian's words. */
  architecture: string;
  /** Packages that are taken with all that they depend on. */
  packages: string[];
  /** Packages that are taken without that. */
  alone: string[];
  /** Folders and files of packages that are left out. */
  leaveOut: string[];
  /** Folders that are laid over it. */
  overlay: string[];
}

const KEYS = ['description', 'suite', 'architecture', 'packages', 'alone', 'leaveOut', 'overlay'];
const MAX_BYTES = 64 * 1024;
/** Words that go to apt, or become a path below the root: neither an option nor a way out. */
const WORD = /^[A-Za-z0-9][A-Za-z0-9.+~-]*$/;
const PATH = /^(?!\/)(?!.*(^|\/)\.\.?(\/|$))[\w./+@~-]+$/;

/** Throws a UsageError that lists the known names if there is none of this name. */
export function userspaceDefinition(name: string): UserspaceDefinition {
  const known = knownUserspaces();
  const file = known.get(name);
  if (file !== undefined) return read(name, file);
  const close = nearest(name, [...known.keys()]);
  throw new UsageError(
    `no user space ${JSON.stringify(name)}${close === null ? '' : `; did you mean ${close}?`} ` +
      `Known: ${[...known.keys()].join(', ')}`,
  );
}

/** Name and file of each. They lie in the folder `userspace` beside or in those of the kernels; the first one wins. */
export function knownUserspaces(): Map<string, string> {
  const folders = [
    ...definitionFolders().map((folder) => join(folder, 'userspace')),
    join(packageRoot(), 'images', 'userspace'),
  ];
  const known = new Map<string, string>();
  for (const folder of folders.filter((each) => existsSync(each)))
    for (const entry of readdirSync(folder).sort()) {
      const name = /^(.+)\.ya?ml$/.exec(entry)?.[1];
      if (name !== undefined && !known.has(name)) known.set(name, join(folder, entry));
    }
  return known;
}

function read(name: string, file: string): UserspaceDefinition {
  let text: string;
  try {
    text = readRegularFileSync(file, { maxBytes: MAX_BYTES }).toString('utf8');
  } catch (cause) {
    throw new UsageError(`cannot read the user space ${file}: ${(cause as Error).message}`, { cause });
  }
  const reader = new DefinitionReader(file, text, KEYS);
  const packages = list(reader, 'packages', WORD);
  if (packages.length === 0) throw reader.error(reader.node('packages'), 'packages: expected a list of packages');
  return {
    name,
    file,
    description: reader.text('description') ?? '',
    suite: word(reader, 'suite'),
    architecture: reader.has('architecture') ? word(reader, 'architecture') : 'amd64',
    packages,
    alone: list(reader, 'alone', WORD),
    leaveOut: list(reader, 'leaveOut', PATH),
    overlay: reader.paths('overlay', (path) => join(dirname(file), basename(path))),
  };
}

function word(reader: DefinitionReader, key: string): string {
  const text = reader.text(key);
  if (text === null || !WORD.test(text)) throw reader.error(reader.node(key), `${key}: expected a name`);
  return text;
}

function list(reader: DefinitionReader, key: string, shape: RegExp): string[] {
  const node = reader.node(key);
  if (node === null) return [];
  if (!isSeq(node)) throw reader.error(node, `${key}: expected a list`);
  return node.items.map((item) => {
    const text = reader.string(item as Node, key);
    if (!shape.test(text)) throw reader.error(item as Node, `${key}: ${JSON.stringify(text)} cannot be used here`);
    return text;
  });
}
