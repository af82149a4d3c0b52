// SPDX-License-Identifier: Apache-2.0
// A flattened device tree in physical memory. KHO gives each of its trees one page
// (kernel/liveupdate/kexec_handover.c, luo_core.c and mm/memblock.c, 6.19 to 7.3).
import { readFdt, type FdtNode } from './fdt.js';
import { HandoverError, littleEndian, type Memory, PAGE, textOf } from './memory.js';
import type { FieldLocation } from './field-location.js';

export class Tree {
  private constructor(
    readonly phys: number,
    readonly root: FdtNode,
    private readonly what: string,
  ) {}

  /** Throws HandoverError if there is no complete tree. */
  static at(memory: Memory, phys: number, what: string): Tree {
    const root = readFdt(memory.bytes(phys, PAGE, what));
    if (root === null) throw new HandoverError(`${what} at 0x${phys.toString(16)} is not a valid device tree`);
    return new Tree(phys, root, what);
  }

  child(name: string): FdtNode {
    const child = this.root.children.find((node) => node.name === name);
    if (child !== undefined) return child;
    const names = this.root.children
      .slice(0, 12)
      .map((node) => node.name)
      .join(', ');
    throw new HandoverError(`${this.what} has no node ${name}`, {
      detail: names === '' ? 'it has no nodes' : `it has ${names}`,
    });
  }

  compatible(node: FdtNode): string | null {
    const value = node.properties.get('compatible');
    return value === undefined ? null : textOf(value);
  }

  /** A 64-bit little-endian number, as KHO writes them. */
  number(node: FdtNode, name: string): bigint {
    const value = this.value(node, name);
    if (value.length !== 8) throw new HandoverError(`${this.label(node, name)} has ${value.length} bytes instead of 8`);
    return littleEndian(value);
  }

  locate(node: FdtNode, name: string, as: 'little' | 'text'): FieldLocation {
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

  locateNode({ span }: FdtNode): FieldLocation {
    const cut = { phys: this.phys + span.start, size: span.end - span.start };
    return { ...cut, as: 'tree', bits: null, holder: this.phys, cut };
  }

  private value(node: FdtNode, name: string): Uint8Array {
    const value = node.properties.get(name);
    if (value === undefined) throw new HandoverError(`${this.label(node, name)} does not exist`);
    return value;
  }

  private label(node: FdtNode, name: string): string {
    return `${this.what}: property ${node.name === '' ? '' : `${node.name}/`}${name}`;
  }
}
