// SPDX-License-Identifier: Apache-2.0
// Reads structures in physical memory with the layouts of the kernel that wrote them. A field that this kernel's format
// does not have is an error with its name.
import type { Field, Structure } from '../../model/kernel/abi.js';
import { HandoverError, littleEndian, textOf, type Memory } from './memory.js';
import type { FieldLocation } from './field-location.js';

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

/** One structure at a physical address. */
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

  locate(name: string): FieldLocation {
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
    const location = this.locate(name);
    const value = littleEndian(this.memory.bytes(location.phys, location.size, this.what(name)));
    return location.bits === null
      ? value
      : (value >> BigInt(location.bits.shift)) & ((1n << BigInt(location.bits.width)) - 1n);
  }

  text(name: string): string {
    const { offset, size } = this.field(name);
    return textOf(this.memory.bytes(this.phys + offset, size, this.what(name)));
  }

  /** The address in a field. Throws HandoverError if it is not a valid address. */
  address(name: string, align: number): number {
    return this.memory.address(this.number(name), align, this.what(name));
  }

  private what(name: string): string {
    return `${this.structure.name}.${name}`;
  }
}
