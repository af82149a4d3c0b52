// SPDX-License-Identifier: Apache-2.0
// Reads which finished configuration a kernel starts from, such as a distribution's. Without one, it starts from
// everything off.
import { existsSync } from 'node:fs';
import { isScalar, type Node } from 'yaml';
import type { DefinitionReader } from './reader.js';
import { PackageFields } from './package-fields.js';

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
  const fields = new PackageFields(reader, node, reader.map(node, PACKAGE_KEYS), 'configOf');
  return { kind: 'package', ...fields.package(), member: fields.member(), sha256: fields.sha256() };
}
