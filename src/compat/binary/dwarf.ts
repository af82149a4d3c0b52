// SPDX-License-Identifier: Apache-2.0
// Reads the types from DWARF 4 and 5: one pass over .debug_info, without recursion. It keeps only entries that describe
// types.
import { Cursor, FormatError } from './bytes.js';
import {
  AT,
  type Abbreviation,
  type DebugSections,
  type Encoding,
  readAbbreviations,
  readValue,
  type Value,
} from './dwarf-forms.js';
import { readFileNames } from './dwarf-files.js';
import { type Elf, relocatedSection } from './elf.js';

export const TAG = {
  array: 0x01,
  enumeration: 0x04,
  member: 0x0d,
  pointer: 0x0f,
  compileUnit: 0x11,
  structure: 0x13,
  subroutine: 0x15,
  typedef: 0x16,
  union: 0x17,
  subrange: 0x21,
  base: 0x24,
  constant: 0x26,
  volatile: 0x35,
  restrict: 0x37,
  unspecified: 0x3b,
  atomic: 0x47,
} as const;

const KEPT: ReadonlySet<number> = new Set(Object.values(TAG));
const WANTED: ReadonlySet<number> = new Set(Object.values(AT));

const MAX_ENTRIES = 8_000_000;
const MAX_KEPT = 2_000_000;
const DEEPEST = 512;

/** A type, or a part of one. */
export interface TypeEntry {
  tag: number;
  name: string | null;
  byteSize: number | null;
  /** Offset of another entry. */
  type: number | null;
  encoding: number | null;
  /** Only the name is here; the fields are elsewhere. */
  declaration: boolean;
  file: string | null;
  /** Bytes from the start of the structure. */
  memberLocation: number | null;
  bitSize: number | null;
  /** DWARF 4 counts from the highest bit of the storage. */
  bitOffset: number | null;
  dataBitOffset: number | null;
  /** Elements of a dimension; null for a flexible array. */
  count: number | null;
  children: TypeEntry[];
}

/** All types, by the offset of their entries. */
export type Types = Map<number, TypeEntry>;

export function debugSections(elf: Elf): DebugSections | null {
  const info = relocatedSection(elf, '.debug_info');
  const abbrev = relocatedSection(elf, '.debug_abbrev');
  if (info === null || abbrev === null) return null;
  const optional = (name: string) => relocatedSection(elf, name) ?? new Uint8Array();
  return {
    info,
    abbrev,
    str: optional('.debug_str'),
    lineStr: optional('.debug_line_str'),
    line: optional('.debug_line'),
    strOffsets: optional('.debug_str_offsets'),
  };
}

export function readTypes(sections: DebugSections): Types {
  const types: Types = new Map();
  const tables = new Map<number, Map<number, Abbreviation>>();
  const budget = { entries: MAX_ENTRIES };
  for (let at = 0; at < sections.info.length;) at = readUnit(sections, at, tables, types, budget);
  return types;
}

/** Reads a unit and returns the start of the next one. */
function readUnit(
  sections: DebugSections,
  start: number,
  tables: Map<number, Map<number, Abbreviation>>,
  types: Types,
  budget: { entries: number },
): number {
  const head = new Cursor(sections.info, start);
  let length = head.u32();
  const offsetSize = length === 0xffffffff ? 8 : 4;
  if (offsetSize === 8) length = head.u64();
  else if (length >= 0xfffffff0) throw new FormatError('a unit of a reserved length');
  if (length > head.left) throw new FormatError('a unit that is cut off');
  const end = head.at + length;
  const cursor = new Cursor(sections.info, head.at, end);
  const version = cursor.u16();
  if (version < 4 || version > 5) throw new FormatError(`debug information of the unknown version ${version}`);
  const kind = version === 5 ? cursor.u8() : 1;
  const early = version === 5 ? cursor.u8() : 8;
  const tableAt = offsetSize === 8 ? cursor.u64() : cursor.u32();
  const addressSize = version === 5 ? early : cursor.u8();
  if (![1, 2, 4, 8].includes(addressSize)) throw new FormatError(`addresses of ${addressSize} bytes`);
  // Only whole and partial units matter. Type units of old compilers and split units are skipped.
  if (kind !== 1 && kind !== 3) return end;
  let table = tables.get(tableAt);
  if (table === undefined) tables.set(tableAt, (table = readAbbreviations(sections.abbrev, tableAt)));
  readEntries(
    cursor,
    table,
    { version, offsetSize, addressSize, unit: start, strOffsetsBase: null },
    sections,
    types,
    budget,
  );
  return end;
}

function readEntries(
  cursor: Cursor,
  table: Map<number, Abbreviation>,
  encoding: Encoding,
  sections: DebugSections,
  types: Types,
  budget: { entries: number },
): void {
  // One element for each open entry: null for an entry that is not kept.
  const open: (TypeEntry | null)[] = [];
  let files: string[] = [];
  while (cursor.left > 0) {
    const at = cursor.at;
    const code = cursor.uleb();
    if (code === 0) {
      open.pop();
      if (open.length === 0) return;
      continue;
    }
    if (--budget.entries < 0) throw new FormatError('more debug information than is read');
    const abbreviation = table.get(code);
    if (abbreviation === undefined) throw new FormatError(`an entry of the unknown kind ${code}`);
    const kept = KEPT.has(abbreviation.tag);
    const values = readAttributes(cursor, abbreviation, encoding, sections, kept ? 'keep' : 'skip');
    if (abbreviation.tag === TAG.compileUnit && values !== null) {
      const base = values.get(AT.strOffsetsBase);
      if (typeof base === 'number') encoding.strOffsetsBase = base;
      const lines = values.get(AT.stmtList);
      if (typeof lines === 'number' && sections.line.length > 0) files = readFileNames(sections, lines);
    }
    const entry = values === null ? null : entryOf(abbreviation.tag, values, files);
    if (entry !== null) {
      if (types.size >= MAX_KEPT) throw new FormatError('more types than are read');
      types.set(at, entry);
      open.at(-1)?.children.push(entry);
    }
    if (abbreviation.children) {
      if (open.length >= DEEPEST) throw new FormatError('entries that are nested too deeply');
      open.push(entry);
    } else if (open.length === 0) return;
  }
}

function readAttributes(
  cursor: Cursor,
  abbreviation: Abbreviation,
  encoding: Encoding,
  sections: DebugSections,
  purpose: 'keep' | 'skip',
): Map<number, Value> | null {
  const values = purpose === 'keep' ? new Map<number, Value>() : null;
  for (const spec of abbreviation.attributes) {
    const wanted =
      purpose === 'keep' &&
      WANTED.has(spec.attribute) &&
      !(abbreviation.tag === TAG.compileUnit && (spec.attribute === AT.name || spec.attribute === AT.compDir));
    const value = readValue(cursor, spec, encoding, sections, wanted ? 'read' : 'skip');
    if (wanted) values?.set(spec.attribute, value);
  }
  return values;
}

function entryOf(tag: number, values: ReadonlyMap<number, Value>, files: readonly string[]): TypeEntry {
  const number = (attribute: number): number | null => {
    const value = values.get(attribute);
    return typeof value === 'number' && Number.isSafeInteger(value) ? value : null;
  };
  const name = values.get(AT.name);
  const file = number(AT.declFile);
  return {
    tag,
    name: typeof name === 'string' ? name : null,
    byteSize: number(AT.byteSize),
    type: number(AT.type),
    encoding: number(AT.encoding),
    declaration: number(AT.declaration) === 1,
    file: file === null ? null : (files[file] ?? null),
    memberLocation: locationOf(values.get(AT.memberLocation)),
    bitSize: number(AT.bitSize),
    bitOffset: number(AT.bitOffset),
    dataBitOffset: number(AT.dataBitOffset),
    count: countOf(number(AT.count), values.get(AT.upperBound)),
    children: [],
  };
}

/** A constant, or the only expression that C compilers use for it: DW_OP_plus_uconst. */
function locationOf(value: Value | undefined): number | null {
  if (typeof value === 'number') return value;
  if (value instanceof Uint8Array && value[0] === 0x23) return new Cursor(value, 1).uleb();
  return null;
}

function countOf(count: number | null, upper: Value | undefined): number | null {
  if (count !== null) return count;
  // An empty array has its bound at -1, in as many bits as the compiler chose.
  if (typeof upper !== 'number') return null;
  if (upper === -1 || upper === 0xffffffff || upper >= 2 ** 63) return 0;
  return upper >= 0 ? upper + 1 : null;
}
