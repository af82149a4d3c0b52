// SPDX-License-Identifier: Apache-2.0
// Reads where functions are defined in the source: of the units with some line tables only, also those functions that
// the compiler put into others.
import { Cursor, FormatError } from './bytes.js';
import { type DebugSections, type Encoding, readAbbreviations, readValue, type Value } from './dwarf-forms.js';

export interface SourceFunction {
  name: string;
  line: number;
  /** Number of the file in its unit. */
  file: number;
}

const TAG_COMPILE_UNIT = 0x11;
const TAG_SUBPROGRAM = 0x2e;
const ATTRIBUTE = { name: 0x03, stmtList: 0x10, declFile: 0x3a, declLine: 0x3b, declaration: 0x3c, strOffsets: 0x72 };
const WANTED: ReadonlySet<number> = new Set(Object.values(ATTRIBUTE));
/** DW_UT_compile. */
const COMPILE = 1;
const MAX_FUNCTIONS = 1 << 16;

/**
 * The functions of each unit.
 * @param tables offsets of their line tables
 * @returns functions by the offset of the line table
 */
export function readFunctions(sections: DebugSections, tables: ReadonlySet<number>): Map<number, SourceFunction[]> {
  const found = new Map<number, SourceFunction[]>();
  for (let at = 0; at < sections.info.length;) {
    const cursor = new Cursor(sections.info, at);
    let length = cursor.u32();
    const offsetSize = length === 0xffffffff ? 8 : 4;
    if (offsetSize === 8) length = cursor.u64();
    if (length > cursor.left) throw new FormatError('a unit that is cut off');
    const end = cursor.at + length;
    readUnit(new Cursor(sections.info, cursor.at, end), { unit: at, offsetSize }, sections, tables, found);
    at = end;
  }
  return found;
}

function readUnit(
  cursor: Cursor,
  { unit, offsetSize }: { unit: number; offsetSize: number },
  sections: DebugSections,
  tables: ReadonlySet<number>,
  found: Map<number, SourceFunction[]>,
): void {
  const version = cursor.u16();
  if (version < 4 || version > 5) throw new FormatError(`debug information of the unknown version ${version}`);
  const kind = version === 5 ? cursor.u8() : COMPILE;
  const early = version === 5 ? cursor.u8() : 8;
  const tableAt = offsetSize === 8 ? cursor.u64() : cursor.u32();
  const addressSize = version === 5 ? early : cursor.u8();
  if (kind !== COMPILE) return;
  const abbreviations = readAbbreviations(sections.abbrev, tableAt);
  const encoding: Encoding = { version, offsetSize, addressSize, unit, strOffsetsBase: null };
  let functions: SourceFunction[] | null = null;
  while (cursor.left > 0) {
    const code = cursor.uleb();
    if (code === 0) continue;
    const abbreviation = abbreviations.get(code);
    if (abbreviation === undefined) throw new FormatError(`an entry of the unknown kind ${code}`);
    const isUnit = abbreviation.tag === TAG_COMPILE_UNIT;
    const kept = isUnit || abbreviation.tag === TAG_SUBPROGRAM;
    const values = new Map<number, Value>();
    for (const spec of abbreviation.attributes) {
      // A unit's name may need a base that comes later, and nothing needs the name.
      const wanted = kept && WANTED.has(spec.attribute) && !(isUnit && spec.attribute === ATTRIBUTE.name);
      const value = readValue(cursor, spec, encoding, sections, wanted ? 'read' : 'skip');
      if (wanted) values.set(spec.attribute, value);
    }
    if (isUnit) {
      const lines = values.get(ATTRIBUTE.stmtList);
      const base = values.get(ATTRIBUTE.strOffsets);
      if (typeof base === 'number') encoding.strOffsetsBase = base;
      if (typeof lines !== 'number' || !tables.has(lines)) return;
      found.set(lines, (functions = found.get(lines) ?? []));
    } else if (kept && functions !== null) {
      const [name, line, file] = [ATTRIBUTE.name, ATTRIBUTE.declLine, ATTRIBUTE.declFile].map((key) => values.get(key));
      const isDefined = values.get(ATTRIBUTE.declaration) !== 1;
      if (typeof name === 'string' && typeof line === 'number' && typeof file === 'number' && isDefined)
        if (functions.length < MAX_FUNCTIONS) functions.push({ name, line, file });
    }
  }
}
