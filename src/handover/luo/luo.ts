// SPDX-License-Identifier: Apache-2.0
// LUO's own state, in its two formats: a device tree (luo-v1, 6.19 to 7.1) and a packed struct luo_ser (luo-v5, since
// 7.2), both in include/linux/kho/abi/luo.h. A field has the same name here in both formats.
import { nodeLocation, subtree } from '../kho/kho.js';
import { Instance } from '../memory/layouts.js';
import { HandoverError } from '../memory/memory.js';
import type { Walk } from '../memory/source.js';
import type { FieldLocation } from '../memory/field-location.js';
import { Tree } from '../memory/tree.js';

export const LUO_NODE = 'LUO';
const GONE = "LUO's own page is gone: the next kernel frees it when it starts";

/** Node and property of each field in the tree. */
const IN_TREE = {
  version: ['', 'compatible'],
  number: ['', 'liveupdate-number'],
  sessions_pa: ['luo-session', 'luo-session-header'],
  flbs_pa: ['luo-flb', 'luo-flb-header'],
  'sessions.version': ['luo-session', 'compatible'],
  'flbs.version': ['luo-flb', 'compatible'],
} as const;
const IN_STRUCT = {
  version: 'compatible',
  number: 'liveupdate_num',
  sessions_pa: 'sessions_pa',
  flbs_pa: 'flbs_pa',
} as const;

export type LuoField = keyof typeof IN_TREE;

function isPacked({ layouts }: Walk): boolean {
  return layouts.has('luo_ser');
}

function packed(walk: Walk): Instance {
  if (walk.source.luo) throw new HandoverError(GONE);
  return new Instance(walk.memory, walk.layouts, 'luo_ser', subtree(walk, LUO_NODE));
}

function treeOf(walk: Walk): Tree {
  return Tree.at(walk.memory, subtree(walk, LUO_NODE), "LUO's tree");
}

export function luoLocation(walk: Walk, word: LuoField | 'size'): FieldLocation {
  if (word === 'size') return nodeLocation(walk, LUO_NODE, 'size');
  if (!isPacked(walk)) {
    const tree = treeOf(walk);
    const [node, property] = IN_TREE[word];
    return tree.locate(
      node === '' ? tree.root : tree.child(node),
      property,
      property === 'compatible' ? 'text' : 'little',
    );
  }
  const field = (IN_STRUCT as Partial<Record<LuoField, string>>)[word];
  if (field === undefined)
    throw new HandoverError('sessions and FLBs of this kernel have no version of their own; use luo.version');
  return packed(walk).locate(field);
}

/** LUO's version: `luo-v5`. */
export function luoVersion(walk: Walk): string {
  if (isPacked(walk)) return packed(walk).text('compatible');
  const tree = treeOf(walk);
  return tree.compatible(tree.root) ?? '';
}

/** LUO's pointer to the first session or FLB; 0 if there is none. Not checked. */
export function luoPointer(walk: Walk, to: 'sessions' | 'flbs'): bigint {
  if (walk.source.luo) return walk.source.luo[to];
  const word = to === 'sessions' ? 'sessions_pa' : 'flbs_pa';
  if (isPacked(walk)) return packed(walk).number(word);
  const tree = treeOf(walk);
  const [node, property] = IN_TREE[word];
  return tree.number(tree.child(node), property);
}

/** The pointers to remember before the next kernel frees LUO's page; null if that page stays. */
export function luoPointersToKeep(walk: Walk): { sessions: bigint; flbs: bigint } | null {
  return isPacked(walk) ? { sessions: luoPointer(walk, 'sessions'), flbs: luoPointer(walk, 'flbs') } : null;
}
