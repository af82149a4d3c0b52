// SPDX-License-Identifier: Apache-2.0
// Applies a change of a scenario to the bytes of a field.
import type { Change, Place } from '../../model/scenario/place.js';
import { FDT_NOP } from '../memory/fdt.js';
import { HandoverError, hex, littleEndian, textOf } from '../memory/memory.js';
import type { FieldLocation } from '../memory/field-location.js';

export interface ChangedBytes {
  /** Physical address to write to. */
  phys: number;
  bytes: Uint8Array;
  /** The old and the new value as text for people. */
  from: string;
  to: string;
}

type Read = (phys: number, length: number) => Uint8Array;
/** A change that needs no other place. */
type PlainChange = Exclude<Change, { how: 'copy' | 'address' }>;

/** What a change of this kind would write that takes its value from another place. */
export function plainChange(
  change: Change,
  { find, read }: { find: (place: Place) => FieldLocation; read: Read },
): PlainChange {
  if (change.how !== 'copy' && change.how !== 'address') return change;
  const other = find(change.place);
  if (change.how === 'address') return { how: 'number', value: String(other.holder) };
  const bytes = read(other.phys, other.size);
  return other.as === 'text'
    ? { how: 'text', text: textOf(bytes) }
    : { how: 'number', value: String(valueAt(other, bytes)) };
}

/**
 * Throws HandoverError if the change does not fit the field.
 * @param read returns the current bytes
 */
export function changeAt(location: FieldLocation, change: PlainChange, read: Read): ChangedBytes {
  const old = read(location.phys, location.size);
  if (change.how === 'remove') {
    if (location.cut === null)
      throw new HandoverError('only a property or a node of a device tree can be removed, and this is neither');
    const bytes = new Uint8Array(location.cut.size).map((_, i) => FDT_NOP[i % FDT_NOP.length] as number);
    return { phys: location.cut.phys, bytes, from: shown(location, old), to: 'nothing' };
  }
  if (location.as === 'tree') throw new HandoverError('a node of a device tree can only be removed');
  const bytes = change.how === 'text' ? newText(location, change.text) : newNumber(location, change, old);
  return { phys: location.phys, bytes, from: shown(location, old), to: shown(location, bytes) };
}

function newText(location: FieldLocation, text: string): Uint8Array {
  if (location.as !== 'text') throw new HandoverError('this field is a number, not text');
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length > location.size)
    throw new HandoverError(`'${text}' has ${bytes.length} bytes, but there is only room for ${location.size}`);
  return new Uint8Array(Buffer.concat([bytes, Buffer.alloc(location.size - bytes.length)]));
}

function newNumber(
  location: FieldLocation,
  change: Exclude<PlainChange, { how: 'text' | 'remove' }>,
  old: Uint8Array,
): Uint8Array {
  if (location.as === 'text') throw new HandoverError('this field is text, not a number');
  const { shift, width } = location.bits ?? { shift: 0, width: location.size * 8 };
  const whole = littleEndian(ordered(location, old));
  const mask = (1n << BigInt(width)) - 1n;
  const value = newValue(change, (whole >> BigInt(shift)) & mask, mask, location);
  if (value < 0n || value > mask) throw new HandoverError(`${hex(value)} does not fit into ${width} bits`);
  const next = (whole & ~(mask << BigInt(shift))) | (value << BigInt(shift));
  const bytes = new Uint8Array(location.size).map((_, i) => Number((next >> BigInt(i * 8)) & 0xffn));
  return ordered(location, bytes);
}

function newValue(
  change: Exclude<PlainChange, { how: 'text' | 'remove' }>,
  now: bigint,
  mask: bigint,
  location: FieldLocation,
): bigint {
  switch (change.how) {
    case 'number':
      return BigInt(change.value);
    case 'add':
      return (now + BigInt(change.value)) & mask;
    case 'flip':
      return now ^ BigInt(change.mask);
    case 'self':
      return BigInt(location.holder);
  }
}

/** Converts to little-endian order and back. */
function ordered(location: FieldLocation, bytes: Uint8Array): Uint8Array {
  return location.as === 'big' ? bytes.slice().reverse() : bytes;
}

const MAX_SHOWN = 64;

function shown(location: FieldLocation, bytes: Uint8Array): string {
  if (location.as === 'tree') return `a node of ${location.size} bytes`;
  if (location.as === 'text') return `'${textOf(bytes).slice(0, MAX_SHOWN)}'`;
  return hex(valueAt(location, bytes));
}

function valueAt(location: FieldLocation, bytes: Uint8Array): bigint {
  const value = littleEndian(ordered(location, bytes));
  return location.bits === null
    ? value
    : (value >> BigInt(location.bits.shift)) & ((1n << BigInt(location.bits.width)) - 1n);
}
