// SPDX-License-Identifier: Apache-2.0
// What is handed over, read only and bounded: versions, sessions, files.
import { rootTree } from './kho/kho.js';
import { luoVersion } from './luo/luo.js';
import { filesOf, sessions } from './luo/sessions.js';
import { type HandoverSource, Walk } from './source.js';
import { textOf } from './memory/memory.js';

export interface HandedFile {
  /** The handler's version: `memfd-v2`. */
  compatible: string;
  /** What the handler wrote: mostly a physical address. */
  data: bigint;
  token: bigint;
}

export interface HandedSession {
  name: string;
  files: HandedFile[];
}

export interface HandoverListing {
  /** As it stands in the root tree: `kho-v4`. */
  kho: string;
  /** Names of the root's nodes. */
  nodes: string[];
  /** `luo-v5`; null where LUO hands nothing over. */
  luo: string | null;
  /** None before the kernel has begun the kexec: it writes them down only then. */
  sessions: HandedSession[];
  /** More were there than are listed. */
  cut: boolean;
}

/**
 * Throws HandoverError where a structure on the way is not sound.
 * @param most sessions, and files of each, that are listed
 */
export function describeHandover(source: HandoverSource, most = 10_000): HandoverListing {
  const walk = new Walk(source);
  const tree = rootTree(walk);
  const nodes = tree.root.children.map(({ name }) => name);
  const listing: HandoverListing = {
    kho: textOf(tree.root.properties.get('compatible') ?? new Uint8Array()),
    nodes,
    luo: null,
    sessions: [],
    cut: false,
  };
  if (!nodes.includes('LUO')) return listing;
  listing.luo = walk.source.luo ? null : luoVersion(walk);
  let left = most;
  for (const session of sessions(walk)) {
    if (listing.sessions.length >= most) return { ...listing, cut: true };
    const files: HandedFile[] = [];
    for (const file of filesOf(walk, session)) {
      if (--left < 0) return { ...listing, cut: true };
      files.push({ compatible: file.text('compatible'), data: file.number('data'), token: file.number('token') });
    }
    listing.sessions.push({ name: session.text('name'), files });
  }
  return listing;
}
