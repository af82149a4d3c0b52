// SPDX-License-Identifier: Apache-2.0
// Dumps the structure around a place: each field with its bytes and its meaning.
import type { Field, Structure } from '../../model/kernel/abi.js';
import type { FieldRow, StructureDump } from '../../model/result/explanation.js';
import type { Place } from '../../model/scenario/place.js';
import { readFdt, type FdtNode } from '../memory/fdt.js';
import { findPlace } from './find.js';
import { Layouts } from '../memory/layouts.js';
import { hex, littleEndian, PAGE, textOf } from '../memory/memory.js';
import { type HandoverSource, Walk } from '../memory/source.js';
import type { FieldLocation } from '../memory/field-location.js';

/** Bytes shown of a field, and fields shown of a structure. */
const MAX_BYTES = 16;
const MAX_ROWS = 64;

/** The structures of each kind of place. The other kinds are in a device tree or a page of bits. */
const STRUCTS: Partial<Record<Place['of'], readonly string[]>> = {
  luo: ['luo_ser'],
  sessions: ['kho_block_header_ser', 'luo_session_header_ser'],
  flbs: ['luo_flb_header_ser'],
  session: ['luo_session_ser'],
  files: ['kho_block_header_ser'],
  file: ['luo_file_ser'],
  memfd: ['memfd_luo_ser'],
  block: ['kho_vmalloc_chunk'],
  folio: ['memfd_luo_folio_ser'],
  'kexec-metadata': ['kho_kexec_metadata'],
};

/**
 * Throws HandoverError if the place does not exist.
 * @param as layouts of another kernel, to show the structure as that kernel would read it; the writer's by default
 */
export function structureAt(source: HandoverSource, place: Place, as?: readonly Structure[]): StructureDump {
  const walk = new Walk(source);
  const location = findPlace(source, place);
  const name = (STRUCTS[place.of] ?? []).find((each) => walk.layouts.has(each));
  const page = walk.memory.bytes(location.holder - (location.holder % PAGE), PAGE, 'the page of the structure');
  const tree = location.holder % PAGE === 0 ? readFdt(page) : null;
  // A property's bytes are in the page of its tree.
  if (tree !== null)
    return { what: 'device tree', phys: hex(location.holder), rows: treeRows(tree, page, location).slice(0, MAX_ROWS) };
  if (name === undefined || (place.of === 'folio' && place.field === 'preserved'))
    return { what: 'memory', phys: hex(location.phys), rows: rawRows(walk, location) };
  const { size, fields } = (as === undefined ? walk.layouts : new Layouts(as)).get(name);
  const bytes = walk.memory.bytes(location.holder, size, `struct ${name}`);
  return {
    what: `struct ${name}, ${size} bytes`,
    phys: hex(location.holder),
    rows: leaves(fields)
      .slice(0, MAX_ROWS)
      .map((field) => fieldRow(field, bytes, location)),
  };
}

/** Fields with values: the members instead of their structure or union, and only the first of several at one offset. */
function leaves(fields: readonly Field[]): Field[] {
  const seen = new Set<string>();
  return fields.filter(({ name, shape, offset, size, bits }) => {
    if (shape === 'struct' || shape === 'union' || name.includes('[]')) return false;
    const key = `${offset}+${size}/${bits?.offset ?? ''}`;
    return seen.has(key) ? false : (seen.add(key), true);
  });
}

function fieldRow(
  { name, offset, size, type, shape, bits }: Field,
  bytes: Uint8Array,
  location: FieldLocation,
): FieldRow {
  const own = bytes.subarray(offset, offset + size);
  const shift = bits === null ? 0 : bits.offset - offset * 8;
  const here = location.phys === location.holder + offset && (location.bits === null || location.bits.shift === shift);
  const value = shape.startsWith('int8[')
    ? `'${textOf(own)}'`
    : size > 8
      ? ''
      : numberText(
          bits === null ? littleEndian(own) : (littleEndian(own) >> BigInt(shift)) & ((1n << BigInt(bits.size)) - 1n),
        );
  return { offset, bytes: bytesText(own), field: bits === null ? name : `${name}:${bits.size}`, type, value, here };
}

function treeRows(node: FdtNode, page: Uint8Array, location: FieldLocation, path = ''): FieldRow[] {
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
        here: location.phys === location.holder + start,
      };
    },
  );
  return [...rows, ...node.children.flatMap((child) => treeRows(child, page, location, `${path}/${child.name}`))];
}

function rawRows({ memory }: Walk, { phys, size }: FieldLocation): FieldRow[] {
  const from = phys - (phys % 16);
  const own = memory.bytes(from, 16, 'the bytes around it');
  return [{ offset: phys % 16, bytes: bytesText(own), field: '', type: `${size} bytes`, value: '', here: true }];
}

function numberText(value: bigint): string {
  return value < 10n ? String(value) : `${hex(value)} (${value})`;
}

function bytesText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.subarray(0, MAX_BYTES))
    .toString('hex')
    .replace(/(..)(?=.)/g, '$1 ');
  return bytes.length > MAX_BYTES ? `${text} ...` : text;
}
