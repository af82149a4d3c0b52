// SPDX-License-Identifier: Apache-2.0
// Structures in physical memory, read with the layouts of the kernel that wrote them. Fields are asked for by name:
// what a kernel's format does not have is an error that says so.
import type { Field, Structure } from '../../model/kernel/abi.js';
import { HandoverError, littleEndian, textOf, type Memory } from './memory.js';
import type { Spot } from '../place/field-location.js';

export class Layouts {
  private readonly byName: Map<string, Structure>;

  constructor(structures: readonly Structure[]) {
    this.byName = new Map(structures.map((structure) => [structure.name, structure]));
  }

  has(name: string): boolean {
    return this.byName.has(name);
  }

  get(name: string): Structure {
    const structure = this.byName.get(name);
    if (structure === undefined) throw new HandoverError(`this kernel's format has no struct ${name}`);
    return structure;
  }

  /** Bytes of one structure. */
  size(name: string): number {
    const { size } = this.get(name);
    if (size < 1) throw new HandoverError(`struct ${name} has no size`);
    return size;
  }
}

/** One structure at one place of physical memory. */
export class Instance {
  readonly structure: Structure;

  constructor(
    private readonly memory: Memory,
    layouts: Layouts,
    name: string,
    readonly phys: number,
  ) {
    this.structure = layouts.get(name);
  }

  has(field: string): boolean {
    return this.structure.fields.some(({ name }) => name === field);
  }

  field(name: string): Field {
    const field = this.structure.fields.find((each) => each.name === name);
    if (field === undefined)
      throw new HandoverError(`struct ${this.structure.name} of this kernel has no field ${name}`);
    return field;
  }

  spot(name: string): Spot {
    const { offset, size, bits, shape } = this.field(name);
    const text = /^int8\[\d+\]$/.test(shape);
    if (!text && size > 8) throw new HandoverError(`${this.structure.name}.${name} is neither a number nor text`);
    return {
      phys: this.phys + offset,
      size,
      as: text ? 'text' : 'little',
      holder: this.phys,
      cut: null,
      bits: bits === null ? null : { shift: bits.offset - offset * 8, width: bits.size },
    };
  }

  number(name: string): bigint {
    const spot = this.spot(name);
    const value = littleEndian(this.memory.bytes(spot.phys, spot.size, this.what(name)));
    return spot.bits === null ? value : (value >> BigInt(spot.bits.shift)) & ((1n << BigInt(spot.bits.width)) - 1n);
  }

  text(name: string): string {
    const { offset, size } = this.field(name);
    return textOf(this.memory.bytes(this.phys + offset, size, this.what(name)));
  }

  /** The address that a field holds. Throws HandoverError where it is none. */
  address(name: string, align: number): number {
    return this.memory.address(this.number(name), align, this.what(name));
  }

  private what(name: string): string {
    return `${this.structure.name}.${name}`;
  }
}
