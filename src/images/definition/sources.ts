// SPDX-License-Identifier: Apache-2.0
// Reads where a kernel's source comes from.
import { isSeq, type Node } from 'yaml';
import { nearest } from '../../util/text/nearest.js';
import { PackageFields } from './package-fields.js';
import type { DefinitionReader } from './reader.js';

/** Where the source of a kernel comes from. Several are tried in the order of the definition. */
export type Source =
  /** A distribution's source package; only its upstream tarball is used. */
  | { kind: 'apt-source'; suite: string; package: string; version: string }
  /** A distribution's binary package with a source tarball as `member`. */
  | { kind: 'apt-binary'; suite: string; package: string; version: string; member: string }
  | { kind: 'url'; url: string; sha256: string }
  | { kind: 'tarball'; path: string; sha256: string | null }
  | { kind: 'directory'; path: string }
  | { kind: 'git'; path: string; ref: string };

const SOURCE_KEYS: Record<Source['kind'], readonly string[]> = {
  'apt-source': ['suite', 'package', 'version'],
  'apt-binary': ['suite', 'package', 'version', 'member'],
  url: ['url', 'sha256'],
  tarball: ['path', 'sha256'],
  directory: ['path'],
  git: ['path', 'ref'],
};

export function sourcesOf(reader: DefinitionReader): Source[] {
  const node = reader.node('sources');
  if (!isSeq(node)) throw reader.error(node, 'sources: expected a list');
  return node.items.map((item) => sourceOf(reader, item as Node));
}

function sourceOf(reader: DefinitionReader, node: Node): Source {
  const every = [...new Set(['kind', ...Object.values(SOURCE_KEYS).flat()])];
  const kindNode = reader.map(node, every).get('kind') ?? null;
  const kind = kindNode === null ? '' : reader.string(kindNode, 'kind');
  if (!Object.hasOwn(SOURCE_KEYS, kind)) {
    const kinds = Object.keys(SOURCE_KEYS);
    const close = nearest(kind, kinds);
    throw reader.error(
      kindNode ?? node,
      `kind: expected one of ${kinds.join(', ')}${close ? `; did you mean ${close}?` : ''}`,
    );
  }
  const map = reader.map(node, ['kind', ...SOURCE_KEYS[kind as Source['kind']]]);
  const fields = new PackageFields(reader, node, map, kind);
  const path = () => reader.resolve(fields.need('path'));
  switch (kind as Source['kind']) {
    case 'apt-source':
      return { kind: 'apt-source', ...fields.package() };
    case 'apt-binary':
      return { kind: 'apt-binary', ...fields.package(), member: fields.member() };
    case 'url': {
      const url = fields.need('url');
      if (!/^https?:\/\//.test(url)) throw fields.error('url', 'expected http:// or https://');
      return { kind: 'url', url, sha256: fields.sha256() };
    }
    case 'tarball':
      return { kind: 'tarball', path: path(), sha256: fields.has('sha256') ? fields.sha256() : null };
    case 'directory':
      return { kind: 'directory', path: path() };
    case 'git': {
      const ref = fields.need('ref');
      if (ref.startsWith('-')) throw fields.error('ref', 'expected a commit, branch or tag');
      return { kind: 'git', path: path(), ref };
    }
  }
}
