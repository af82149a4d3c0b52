// SPDX-License-Identifier: Apache-2.0
// The root tree of Kexec HandOver: `compatible`, the map of preserved memory, and a node for each subtree.
// Formats: kernel/liveupdate/kexec_handover.c (6.18, 6.19), include/linux/kho/abi/kexec_handover.h (7.1 to 7.3).
import type { FdtNode } from '../memory/fdt.js';
import { HandoverError } from '../memory/memory.js';
import { numberLocation, type FieldLocation } from '../memory/field-location.js';
import type { Walk } from '../memory/source.js';
import { Tree } from '../memory/tree.js';

const MAP = 'preserved-memory-map';
/** The property that points to a subtree's blob: 7.x and 6.x. */
const DATA = ['preserved-data', 'fdt'];
const SIZE = 'blob-size';

export function rootTree({ memory, source }: Walk): Tree {
  return Tree.at(memory, source.root, 'the root tree');
}

export function khoLocation(walk: Walk, field: 'root' | 'version' | 'map'): FieldLocation {
  // The header can be located even if the rest of the tree is damaged.
  if (field === 'root') return { ...numberLocation(walk.source.root, 4, walk.source.root), as: 'big' };
  const tree = rootTree(walk);
  return field === 'version' ? tree.locate(tree.root, 'compatible', 'text') : tree.locate(tree.root, MAP, 'little');
}

function dataProperty(node: FdtNode): string {
  const name = DATA.find((each) => node.properties.has(each));
  if (name === undefined) throw new HandoverError(`node ${node.name} of the root tree points to nothing`);
  return name;
}

export function nodeLocation(walk: Walk, name: string, field: 'whole' | 'size' | 'data'): FieldLocation {
  const tree = rootTree(walk);
  const node = tree.child(name);
  if (field === 'whole') return tree.locateNode(node);
  return tree.locate(node, field === 'size' ? SIZE : dataProperty(node), 'little');
}

/** Physical address of the subtree that a node of the root points to. */
export function subtree(walk: Walk, name: string): number {
  const tree = rootTree(walk);
  const node = tree.child(name);
  return walk.memory.address(tree.number(node, dataProperty(node)), 8, `node ${name} of the root tree`);
}

/** Physical address of the map. Throws HandoverError if it is not written yet: 6.x does that during the kexec. */
export function mapAddress(walk: Walk): number {
  const tree = rootTree(walk);
  return walk.memory.address(tree.number(tree.root, MAP), 4096, 'the map of preserved memory');
}
