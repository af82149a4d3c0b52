// SPDX-License-Identifier: Apache-2.0
// Reads values of DWARF attributes, and the abbreviations with the attributes of each entry (DWARF 5, sections 7.5.3 to
// 7.5.6).
import { Cursor, FormatError, stringAt } from './bytes.js';

/** The sections that contain entries and their texts. */
export interface DebugSections {
  info: Uint8Array;
  abbrev: Uint8Array;
  str: Uint8Array;
  lineStr: Uint8Array;
  line: Uint8Array;
  strOffsets: Uint8Array;
}

/** The encoding of a compilation unit. */
export interface Encoding {
  version: number;
  /** Bytes of an offset: 4 or 8. */
  offsetSize: number;
  addressSize: number;
  /** Start of the unit in .debug_info. */
  unit: number;
  /** Base in .debug_str_offsets; null until it is known. */
  strOffsetsBase: number | null;
}

export const AT = {
  sibling: 0x01,
  name: 0x03,
  byteSize: 0x0b,
  bitOffset: 0x0c,
  bitSize: 0x0d,
  stmtList: 0x10,
  compDir: 0x1b,
  constValue: 0x1c,
  upperBound: 0x2f,
  count: 0x37,
  memberLocation: 0x38,
  declFile: 0x3a,
  declaration: 0x3c,
  encoding: 0x3e,
  type: 0x49,
  dataBitOffset: 0x6b,
  strOffsetsBase: 0x72,
} as const;

export interface AttributeSpec {
  attribute: number;
  form: number;
  /** Value of DW_FORM_implicit_const, which is in the abbreviation. */
  implicit: number;
}

export interface Abbreviation {
  tag: number;
  children: boolean;
  attributes: AttributeSpec[];
}

const MAX_ABBREVIATIONS = 1 << 16;
const MAX_ATTRIBUTES = 256;

/** A table of abbreviations, by code. */
export function readAbbreviations(section: Uint8Array, offset: number): Map<number, Abbreviation> {
  const cursor = new Cursor(section, offset);
  const table = new Map<number, Abbreviation>();
  for (;;) {
    const code = cursor.uleb();
    if (code === 0) return table;
    if (table.size >= MAX_ABBREVIATIONS) throw new FormatError('too many abbreviations');
    const tag = cursor.uleb();
    const children = cursor.u8() !== 0;
    const attributes: AttributeSpec[] = [];
    for (;;) {
      const attribute = cursor.uleb();
      const form = cursor.uleb();
      const implicit = form === FORM_IMPLICIT_CONST ? cursor.sleb() : 0;
      if (attribute === 0 && form === 0) break;
      if (attributes.length >= MAX_ATTRIBUTES) throw new FormatError('an abbreviation with too many attributes');
      attributes.push({ attribute, form, implicit });
    }
    table.set(code, { tag, children, attributes });
  }
}

/** A number (constant, offset, reference into .debug_info), a text, or the bytes of a block. */
export type Value = number | string | Uint8Array | null;

const FORM_INDIRECT = 0x16;
export const FORM_IMPLICIT_CONST = 0x21;

/** Sizes of forms that are skipped or read as plain numbers. */
const FIXED: Readonly<Record<number, number>> = {
  0x05: 2,
  0x06: 4,
  0x07: 8,
  0x0b: 1,
  0x0c: 1,
  0x11: 1,
  0x12: 2,
  0x13: 4,
  0x14: 8,
  0x1c: 4,
  0x24: 8,
  0x20: 8,
  0x25: 1,
  0x26: 2,
  0x27: 3,
  0x28: 4,
  0x29: 1,
  0x2a: 2,
  0x2b: 3,
  0x2c: 4,
};
/** References relative to the start of their unit. */
const UNIT_REFERENCES: readonly number[] = [0x11, 0x12, 0x13, 0x14, 0x15];
const INDEXED_STRINGS: readonly number[] = [0x1a, 0x25, 0x26, 0x27, 0x28];

function fixed(cursor: Cursor, size: number): number {
  switch (size) {
    case 1:
      return cursor.u8();
    case 2:
      return cursor.u16();
    case 3:
      return cursor.u24();
    case 4:
      return cursor.u32();
    default:
      return cursor.u64();
  }
}

function block(cursor: Cursor, length: number): Uint8Array {
  return cursor.bytes.subarray(cursor.skip(length), cursor.at);
}

export type Texts = 'read' | 'skip';

/**
 * Reads a value and moves forward.
 * @param texts `skip` for the entries that are not needed, which is most of them
 */
export function readValue(
  cursor: Cursor,
  spec: AttributeSpec,
  encoding: Encoding,
  sections: DebugSections,
  texts: Texts,
): Value {
  let form = spec.form;
  for (let times = 0; form === FORM_INDIRECT; times++) {
    if (times > 4) throw new FormatError('a form that is always another');
    form = cursor.uleb();
  }
  const size = FIXED[form];
  if (size !== undefined) {
    const value = fixed(cursor, size);
    if (UNIT_REFERENCES.includes(form)) return encoding.unit + value;
    return INDEXED_STRINGS.includes(form) ? indexed(value, encoding, sections, texts) : value;
  }
  switch (form) {
    case 0x01:
      return fixed(cursor, encoding.addressSize);
    case 0x03:
      return block(cursor, cursor.u16());
    case 0x04:
      return block(cursor, cursor.u32());
    case 0x08:
      return cursor.text();
    case 0x09:
    case 0x18:
      return block(cursor, cursor.uleb());
    case 0x0a:
      return block(cursor, cursor.u8());
    case 0x0d:
      return cursor.sleb();
    case 0x0e:
      return text(sections.str, fixed(cursor, encoding.offsetSize), texts);
    case 0x1f:
      return text(sections.lineStr, fixed(cursor, encoding.offsetSize), texts);
    case 0x0f:
    case 0x1b:
    case 0x22:
    case 0x23:
      return cursor.uleb();
    case 0x15:
      return encoding.unit + cursor.uleb();
    case 0x1a:
      return indexed(cursor.uleb(), encoding, sections, texts);
    case 0x10:
    case 0x17:
    case 0x1d:
    case 0x1f20:
    case 0x1f21:
      return fixed(cursor, encoding.offsetSize);
    case 0x19:
      return 1;
    case 0x1e:
      return block(cursor, 16);
    case FORM_IMPLICIT_CONST:
      return spec.implicit;
    default:
      throw new FormatError(`an attribute of the unknown form 0x${form.toString(16)}`);
  }
}

function text(table: Uint8Array, offset: number, texts: Texts): string | null {
  return texts === 'read' ? stringAt(table, offset) : null;
}

function indexed(index: number, encoding: Encoding, sections: DebugSections, texts: Texts): string | null {
  // The unit's own name may come before the base, but it is not needed.
  if (texts === 'skip' || encoding.strOffsetsBase === null) return null;
  return stringAt(
    sections.str,
    fixed(new Cursor(sections.strOffsets, encoding.strOffsetsBase + index * encoding.offsetSize), encoding.offsetSize),
  );
}
