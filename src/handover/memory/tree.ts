// SPDX-License-Identifier: Apache-2.0
// A flattened device tree at its place in physical memory. KHO gives every tree of its own one page
// (kernel/liveupdate/kexec_handover.c, luo_core.c and mm/memblock.c, 6.19 to 7.3).
import { readFdt, type FdtNode } from './fdt.js';
import { HandoverError, littleEndian, type Memory, PAGE, textOf } from './memory.js';
import type { Spot } from '../place/field-location.js';

export class Tree {
  private constructor(
    readonly phys: number,
    readonly root: FdtNode,
    private readonly what: string,
  ) {}

  /** Throws HandoverError where there is no whole tree. */
  static at(memory: Memory, phys: number, what: string): Tree {
    const root = readFdt(memory.bytes(phys, PAGE, what));
    if (root === null) throw new HandoverError(`${what} at 0x${phys.toString(16)} is no sound device tree`);
    return new Tree(phys, root, what);
  }

  child(name: string): FdtNode {
    const found = this.root.children.find((node) => node.name === name);
    if (found !== undefined) return found;
    const there = this.root.children
      .slice(0, 12)
      .map((node) => node.name)
      .join(', ');
    throw new HandoverError(`${this.what} has no node ${name}`, {
      detail: there === '' ? 'it has none' : `it has ${there}`,
    });
  }

  compatible(node: FdtNode): string | null {
    const value = node.properties.get('compatible');
    return value === undefined ? null : textOf(value);
  }

  /** A number in the machine's own order, as KHO writes them. */
  number(node: FdtNode, name: string): bigint {
    const value = this.value(node, name);
    if (value.length !== 8) throw new HandoverError(`${this.label(node, name)} has ${value.length} bytes instead of 8`);
    return littleEndian(value);
  }

  spot(node: FdtNode, name: string, as: 'little' | 'text'): Spot {
    const value = this.value(node, name);
    if (value.length === 0 || (as === 'little' && value.length > 8))
      throw new HandoverError(`${this.label(node, name)} has ${value.length} bytes`);
    const { whole } = node.spans.get(name) as { whole: { start: number; end: number } };
    const start = node.spans.get(name)?.value.start ?? 0;
    return {
      phys: this.phys + start,
      size: value.length,
      as,
      bits: null,
      holder: this.phys,
      cut: { phys: this.phys + whole.start, size: whole.end - whole.start },
    };
  }

  nodeSpot({ span }: FdtNode): Spot {
    const cut = { phys: this.phys + span.start, size: span.end - span.start };
    return { ...cut, as: 'tree', bits: null, holder: this.phys, cut };
  }

  private value(node: FdtNode, name: string): Uint8Array {
    const value = node.properties.get(name);
    if (value === undefined) throw new HandoverError(`${this.label(node, name)} is not there`);
    return value;
  }

  private label(node: FdtNode, name: string): string {
    return `${this.what}: property ${node.name === '' ? '' : `${node.name}/`}${name}`;
  }
}
