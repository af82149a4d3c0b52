// SPDX-License-Identifier: Apache-2.0
// What a change makes of the bytes that stand at a place.
import type { Change } from '../../model/scenario/place.js';
import { FDT_NOP } from '../memory/fdt.js';
import { HandoverError, hex, littleEndian, textOf } from '../memory/memory.js';
import type { Spot } from './field-location.js';

export interface Changed {
  /** Physical address of what is written. */
  phys: number;
  bytes: Uint8Array;
  /** What stood there, and what stands there now, for people. */
  from: string;
  to: string;
}

/** @param read gives the bytes that stand there now. Throws HandoverError where the change does not fit the place. */
export function changeAt(spot: Spot, change: Change, read: (phys: number, length: number) => Uint8Array): Changed {
  const old = read(spot.phys, spot.size);
  if (change.how === 'remove') {
    if (spot.cut === null)
      throw new HandoverError('only a property or a node of a tree can be removed, and this is neither');
    const bytes = new Uint8Array(spot.cut.size).map((_, i) => FDT_NOP[i % FDT_NOP.length] as number);
    return { phys: spot.cut.phys, bytes, from: shown(spot, old), to: 'nothing' };
  }
  if (spot.as === 'tree') throw new HandoverError('a node of a tree can only be removed');
  const bytes = change.how === 'text' ? newText(spot, change.text) : newNumber(spot, change, old);
  return { phys: spot.phys, bytes, from: shown(spot, old), to: shown(spot, bytes) };
}

function newText(spot: Spot, text: string): Uint8Array {
  if (spot.as !== 'text') throw new HandoverError('a number stands there, not text');
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length > spot.size)
    throw new HandoverError(`'${text}' has ${bytes.length} bytes, and there is room for ${spot.size}`);
  return new Uint8Array(Buffer.concat([bytes, Buffer.alloc(spot.size - bytes.length)]));
}

function newNumber(spot: Spot, change: Exclude<Change, { how: 'text' | 'remove' }>, old: Uint8Array): Uint8Array {
  if (spot.as === 'text') throw new HandoverError('text stands there, not a number');
  const { shift, width } = spot.bits ?? { shift: 0, width: spot.size * 8 };
  const whole = littleEndian(ordered(spot, old));
  const mask = (1n << BigInt(width)) - 1n;
  const value = wanted(change, (whole >> BigInt(shift)) & mask, mask, spot);
  if (value < 0n || value > mask) throw new HandoverError(`${hex(value)} does not fit into ${width} bits`);
  const next = (whole & ~(mask << BigInt(shift))) | (value << BigInt(shift));
  const bytes = new Uint8Array(spot.size).map((_, i) => Number((next >> BigInt(i * 8)) & 0xffn));
  return ordered(spot, bytes);
}

function wanted(change: Exclude<Change, { how: 'text' | 'remove' }>, now: bigint, mask: bigint, spot: Spot): bigint {
  switch (change.how) {
    case 'number':
      return BigInt(change.value);
    case 'add':
      return (now + BigInt(change.value)) & mask;
    case 'flip':
      return now ^ BigInt(change.mask);
    case 'self':
      return BigInt(spot.holder);
  }
}

/** Into little-endian order, and back. */
function ordered(spot: Spot, bytes: Uint8Array): Uint8Array {
  return spot.as === 'big' ? bytes.slice().reverse() : bytes;
}

const MOST_SHOWN = 64;

function shown(spot: Spot, bytes: Uint8Array): string {
  if (spot.as === 'tree') return `a node of ${spot.size} bytes`;
  if (spot.as === 'text') return `'${textOf(bytes).slice(0, MOST_SHOWN)}'`;
  const value = littleEndian(ordered(spot, bytes));
  return hex(spot.bits === null ? value : (value >> BigInt(spot.bits.shift)) & ((1n << BigInt(spot.bits.width)) - 1n));
}
