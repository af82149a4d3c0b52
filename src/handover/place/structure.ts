// SPDX-License-Identifier: Apache-2.0
// The structure that holds a place, field by field, as bytes and as what they mean.
import type { Field, Structure } from '../../model/kernel/abi.js';
import type { FieldRow, StructureDump } from '../../model/result/explanation.js';
import type { Place } from '../../model/scenario/place.js';
import { readFdt, type FdtNode } from '../memory/fdt.js';
import { findPlace } from './find.js';
import { Layouts } from '../memory/layouts.js';
import { hex, littleEndian, PAGE, textOf } from '../memory/memory.js';
import { type HandoverSource, Walk } from '../source.js';
import type { Spot } from './field-location.js';

/** Bytes of one field that are shown, and fields of one structure. */
const MOST_BYTES = 16;
const MOST_ROWS = 64;

/** By what a place is of; others stand in a tree, or in a page of bits. */
const STRUCTS: Partial<Record<Place['of'], readonly string[]>> = {
  luo: ['luo_ser'],
  sessions: ['kho_block_header_ser', 'luo_session_header_ser'],
  flbs: ['luo_flb_header_ser'],
  session: ['luo_session_ser'],
  files: ['kho_block_header_ser'],
  file: ['luo_file_ser'],
  memfd: ['memfd_luo_ser'],
  folio: ['memfd_luo_folio_ser'],
  'kexec-metadata': ['kho_kexec_metadata'],
};

/**
 * Throws HandoverError where the place is not there.
 * @param as layouts to show it with, as the next kernel would read it; those of the writer without them
 */
export function structureAt(source: HandoverSource, place: Place, as?: readonly Structure[]): StructureDump {
  const walk = new Walk(source);
  const spot = findPlace(source, place);
  const name = (STRUCTS[place.of] ?? []).find((each) => walk.layouts.has(each));
  const page = walk.memory.bytes(spot.holder - (spot.holder % PAGE), PAGE, 'the page of the structure');
  const tree = spot.holder % PAGE === 0 ? readFdt(page) : null;
  // A property of a tree has its bytes in that tree's page.
  if (tree !== null)
    return { what: 'device tree', phys: hex(spot.holder), rows: treeRows(tree, page, spot).slice(0, MOST_ROWS) };
  if (name === undefined || (place.of === 'folio' && place.field === 'preserved'))
    return { what: 'memory', phys: hex(spot.phys), rows: rawRows(walk, spot) };
  const { size, fields } = (as === undefined ? walk.layouts : new Layouts(as)).get(name);
  const bytes = walk.memory.bytes(spot.holder, size, `struct ${name}`);
  return {
    what: `struct ${name}, ${size} bytes`,
    phys: hex(spot.holder),
    rows: leaves(fields)
      .slice(0, MOST_ROWS)
      .map((field) => fieldRow(field, bytes, spot)),
  };
}

/** Fields that hold values: structures and unions are told by what is in them, of several at one place the first. */
function leaves(fields: readonly Field[]): Field[] {
  const seen = new Set<string>();
  return fields.filter(({ name, shape, offset, size, bits }) => {
    if (shape === 'struct' || shape === 'union' || name.includes('[]')) return false;
    const at = `${offset}+${size}/${bits?.offset ?? ''}`;
    return seen.has(at) ? false : (seen.add(at), true);
  });
}

function fieldRow({ name, offset, size, type, shape, bits }: Field, bytes: Uint8Array, spot: Spot): FieldRow {
  const own = bytes.subarray(offset, offset + size);
  const shift = bits === null ? 0 : bits.offset - offset * 8;
  const here = spot.phys === spot.holder + offset && (spot.bits === null || spot.bits.shift === shift);
  const value = shape.startsWith('int8[')
    ? `'${textOf(own)}'`
    : size > 8
      ? ''
      : numberText(
          bits === null ? littleEndian(own) : (littleEndian(own) >> BigInt(shift)) & ((1n << BigInt(bits.size)) - 1n),
        );
  return { offset, bytes: bytesText(own), field: bits === null ? name : `${name}:${bits.size}`, type, value, here };
}

function treeRows(node: FdtNode, page: Uint8Array, spot: Spot, path = ''): FieldRow[] {
  const rows = [...node.spans].map(
    ([
      name,
      {
        value: { start, end },
      },
    ]): FieldRow => {
      const own = page.subarray(start, end);
      const isText =
        own.length > 1 &&
        own.at(-1) === 0 &&
        /^[\x20-\x7e]+$/.test(textOf(own)) &&
        textOf(own).length === own.length - 1;
      const value = isText
        ? `'${textOf(own)}'`
        : own.length <= 8 && own.length > 0
          ? numberText(littleEndian(own))
          : '';
      return {
        offset: start,
        bytes: bytesText(own),
        field: `${path}/${name}`,
        type: `${own.length} bytes`,
        value,
        here: spot.phys === spot.holder + start,
      };
    },
  );
  return [...rows, ...node.children.flatMap((child) => treeRows(child, page, spot, `${path}/${child.name}`))];
}

function rawRows({ memory }: Walk, { phys, size }: Spot): FieldRow[] {
  const from = phys - (phys % 16);
  const own = memory.bytes(from, 16, 'the bytes around it');
  return [{ offset: phys % 16, bytes: bytesText(own), field: '', type: `${size} bytes`, value: '', here: true }];
}

function numberText(value: bigint): string {
  return value < 10n ? String(value) : `${hex(value)} (${value})`;
}

function bytesText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.subarray(0, MOST_BYTES))
    .toString('hex')
    .replace(/(..)(?=.)/g, '$1 ');
  return bytes.length > MOST_BYTES ? `${text} ...` : text;
}
