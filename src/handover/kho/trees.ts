// SPDX-License-Identifier: Apache-2.0
// Subtrees of KHO's other users: memory reserved by name (mm/memblock.c, include/linux/kho/abi/memblock.h), and the old
// kernel's metadata (include/linux/kho/abi/kexec_metadata.h, since 7.1).
import { subtree } from './kho.js';
import { Instance } from '../memory/layouts.js';
import type { Walk } from '../memory/source.js';
import type { FieldLocation } from '../memory/field-location.js';
import { Tree } from '../memory/tree.js';

const MEMBLOCK = 'memblock';
export const METADATA = 'kexec-metadata';

export function memblockTree(walk: Walk): Tree {
  return Tree.at(walk.memory, subtree(walk, MEMBLOCK), "memblock's tree");
}

export function memblockLocation(walk: Walk): FieldLocation {
  const tree = memblockTree(walk);
  return tree.locate(tree.root, 'compatible', 'text');
}

export function reserveMemLocation(
  walk: Walk,
  name: string,
  field: 'whole' | 'version' | 'start' | 'size',
): FieldLocation {
  const tree = memblockTree(walk);
  const node = tree.child(name);
  if (field === 'whole') return tree.locateNode(node);
  return field === 'version' ? tree.locate(node, 'compatible', 'text') : tree.locate(node, field, 'little');
}

function metadata(walk: Walk): Instance {
  return new Instance(walk.memory, walk.layouts, 'kho_kexec_metadata', subtree(walk, METADATA));
}

export function metadataLocation(walk: Walk, field: 'version' | 'previous_release' | 'kexec_count'): FieldLocation {
  return metadata(walk).locate(field);
}

/** The old kernel's metadata. `release` is what `uname -r` prints. */
export function metadataOf(walk: Walk): { version: number; release: string; kexecs: number } {
  const fields = metadata(walk);
  return {
    version: Number(fields.number('version')),
    release: fields.text('previous_release'),
    kexecs: Number(fields.number('kexec_count')),
  };
}
