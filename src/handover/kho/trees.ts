// SPDX-License-Identifier: Apache-2.0
// What KHO's other users hand over: memory reserved by name (mm/memblock.c, include/linux/kho/abi/memblock.h) and what
// the old kernel tells of itself (include/linux/kho/abi/kexec_metadata.h, 7.1 and later).
import { subtree } from './kho.js';
import { Instance } from '../memory/layouts.js';
import type { Walk } from '../source.js';
import type { Spot } from '../place/field-location.js';
import { Tree } from '../memory/tree.js';

const MEMBLOCK = 'memblock';
export const METADATA = 'kexec-metadata';

export function memblockTree(walk: Walk): Tree {
  return Tree.at(walk.memory, subtree(walk, MEMBLOCK), "memblock's tree");
}

export function memblockSpot(walk: Walk): Spot {
  const tree = memblockTree(walk);
  return tree.spot(tree.root, 'compatible', 'text');
}

export function reserveMemSpot(walk: Walk, name: string, field: 'whole' | 'version' | 'start' | 'size'): Spot {
  const tree = memblockTree(walk);
  const node = tree.child(name);
  if (field === 'whole') return tree.nodeSpot(node);
  return field === 'version' ? tree.spot(node, 'compatible', 'text') : tree.spot(node, field, 'little');
}

function metadata(walk: Walk): Instance {
  return new Instance(walk.memory, walk.layouts, 'kho_kexec_metadata', subtree(walk, METADATA));
}

export function metadataSpot(walk: Walk, field: 'version' | 'previous_release' | 'kexec_count'): Spot {
  return metadata(walk).spot(field);
}

/** What the writing kernel tells of itself. `release`: as `uname -r` says it. */
export function metadataOf(walk: Walk): { version: number; release: string; kexecs: number } {
  const found = metadata(walk);
  return {
    version: Number(found.number('version')),
    release: found.text('previous_release'),
    kexecs: Number(found.number('kexec_count')),
  };
}
