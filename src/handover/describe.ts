// SPDX-License-Identifier: Apache-2.0
// Lists a handover's versions, sessions and files, with a limit on each.
import { rootTree } from './kho/kho.js';
import { luoVersion } from './luo/luo.js';
import { filesOf, sessions } from './luo/sessions.js';
import { type HandoverSource, Walk } from './memory/source.js';
import { textOf } from './memory/memory.js';

export interface ListedFile {
  /** The handler's version: `memfd-v2`. */
  compatible: string;
  /** The handler's own value: usually a physical address. */
  data: bigint;
  token: bigint;
}

export interface ListedSession {
  name: string;
  files: ListedFile[];
}

export interface HandoverListing {
  /** From the root tree: `kho-v4`. */
  kho: string;
  /** Names of the root's nodes. */
  nodes: string[];
  /** `luo-v5`; null if LUO hands nothing over. */
  luo: string | null;
  /** Empty before the kexec: the kernel serializes sessions only then. */
  sessions: ListedSession[];
  /** The list is incomplete: there are more. */
  cut: boolean;
}

/**
 * Throws HandoverError if a structure on the way is invalid.
 * @param max number of sessions to list, and of files in all sessions
 */
export function describeHandover(source: HandoverSource, max = 10_000): HandoverListing {
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
  let left = max;
  for (const session of sessions(walk)) {
    if (listing.sessions.length >= max) return { ...listing, cut: true };
    const files: ListedFile[] = [];
    for (const file of filesOf(walk, session)) {
      if (--left < 0) return { ...listing, cut: true };
      files.push({ compatible: file.text('compatible'), data: file.number('data'), token: file.number('token') });
    }
    listing.sessions.push({ name: session.text('name'), files });
  }
  return listing;
}
