// SPDX-License-Identifier: Apache-2.0
// Reads which finished configuration a kernel starts from, such as a distribution's. Without one, it starts from
// everything off.
import { existsSync } from 'node:fs';
import { isScalar, type Node } from 'yaml';
import type { DefinitionReader } from './reader.js';
import { APT_WORD, sha256Of } from './sources.js';

export type ConfigOf =
  | { kind: 'file'; path: string }
  /** A file in a distribution's binary package; `sha256` is that of the file. */
  | { kind: 'package'; suite: string; package: string; version: string; member: string; sha256: string };

const PACKAGE_KEYS = ['suite', 'package', 'version', 'member', 'sha256'];

/** `configOf: FILE`, or the place of the file in a package; null if the definition has none. */
export function configOfIn(reader: DefinitionReader): ConfigOf | null {
  if (!reader.has('configOf')) return null;
  const node = reader.node('configOf');
  if (isScalar(node)) {
    const path = reader.resolve(reader.string(node, 'configOf'));
    if (!existsSync(path)) throw reader.error(node, `configOf: no file ${path}`);
    return { kind: 'file', path };
  }
  return packageOf(reader, node);
}

function packageOf(reader: DefinitionReader, node: Node | null): ConfigOf {
  const map = reader.map(node, PACKAGE_KEYS);
  const need = (key: string): string => {
    if (!map.has(key)) throw reader.error(node, `configOf: ${key} is missing`);
    return reader.string(map.get(key), key);
  };
  const word = (key: string): string => {
    const value = need(key);
    if (!APT_WORD.test(value))
      throw reader.error(map.get(key), `${key}: ${JSON.stringify(value)} is not a name that apt accepts`);
    return value;
  };
  const member = need('member').replace(/^\.?\/+/, '');
  if (member.startsWith('-')) throw reader.error(map.get('member'), 'member: expected a path');
  const sha256 = sha256Of(need('sha256'));
  if (sha256 === null) throw reader.error(map.get('sha256'), 'sha256: expected 64 hexadecimal digits');
  return { kind: 'package', suite: word('suite'), package: word('package'), version: word('version'), member, sha256 };
}
