// SPDX-License-Identifier: Apache-2.0
// Reads where a kernel's source comes from.
import { isSeq, type Node } from 'yaml';
import { nearest } from '../../util/text/nearest.js';
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
/** A word that may be passed to apt: neither an option nor a path. */
export const APT_WORD = /^[A-Za-z0-9][A-Za-z0-9.+~:-]*$/;

/** A digest in lower case; null if the text is none. */
export function sha256Of(text: string): string | null {
  const digest = text.toLowerCase();
  return /^[0-9a-f]{64}$/.test(digest) ? digest : null;
}

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
  const need = (key: string): string => {
    if (!map.has(key)) throw reader.error(node, `${kind}: ${key} is missing`);
    return reader.string(map.get(key), key);
  };
  const word = (key: string): string => {
    const value = need(key);
    if (!APT_WORD.test(value))
      throw reader.error(map.get(key), `${key}: ${JSON.stringify(value)} is not a name that apt accepts`);
    return value;
  };
  const checksum = (): string => {
    const value = sha256Of(need('sha256'));
    if (value === null) throw reader.error(map.get('sha256'), 'sha256: expected 64 hexadecimal digits');
    return value;
  };
  switch (kind as Source['kind']) {
    case 'apt-source':
      return { kind: 'apt-source', suite: word('suite'), package: word('package'), version: word('version') };
    case 'apt-binary': {
      const member = need('member').replace(/^\.?\/+/, '');
      if (member.startsWith('-')) throw reader.error(map.get('member'), 'member: expected a path');
      return { kind: 'apt-binary', suite: word('suite'), package: word('package'), version: word('version'), member };
    }
    case 'url': {
      const url = need('url');
      if (!/^https?:\/\//.test(url)) throw reader.error(map.get('url'), 'url: expected http:// or https://');
      return { kind: 'url', url, sha256: checksum() };
    }
    case 'tarball':
      return { kind: 'tarball', path: reader.resolve(need('path')), sha256: map.has('sha256') ? checksum() : null };
    case 'directory':
      return { kind: 'directory', path: reader.resolve(need('path')) };
    case 'git': {
      const ref = need('ref');
      if (ref.startsWith('-')) throw reader.error(map.get('ref'), 'ref: expected a commit, branch or tag');
      return { kind: 'git', path: reader.resolve(need('path')), ref };
    }
  }
}
