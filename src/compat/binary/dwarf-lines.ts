// SPDX-License-Identifier: Apache-2.0
// Reads which source line each address comes from: the line programs of .debug_line (DWARF 4 and 5, section 6.2) in a
// linked kernel. A program is a list of instructions that move an address and a line; each row that it emits holds up
// to the next one.
import { Cursor, FormatError } from './bytes.js';
import { readFileNames } from './dwarf-files.js';
import type { DebugSections } from './dwarf-forms.js';

export interface LineRow {
  /** Lower 32 bits of the address. */
  address: number;
  /** Excluded. */
  end: number;
  line: number;
  /** Number of the file in its unit. */
  file: number;
}

export interface LineUnit {
  /** Offset in .debug_line, by which a unit of .debug_info names it. */
  at: number;
  /** As in the debug information, by number: absolute, or relative to the compiler's folder. */
  files: string[];
  /** Number of the unit's own source file. */
  own: number;
  rows: LineRow[];
}

const MAX_ROWS = 4_000_000;
/** Standard opcodes. */
const OP = { copy: 1, advancePc: 2, advanceLine: 3, setFile: 4, constAddPc: 8, fixedAdvancePc: 9 } as const;
/** Extended opcodes. */
const EXTENDED = { endSequence: 1, setAddress: 2 } as const;

/** @param wanted tells whether rows at an address are of interest; other rows are not kept */
export function readLineUnits(sections: DebugSections, wanted: (address: number) => boolean): LineUnit[] {
  const units: LineUnit[] = [];
  const budget = { rows: MAX_ROWS };
  for (let at = 0; at < sections.line.length;) {
    const cursor = new Cursor(sections.line, at);
    let length = cursor.u32();
    const offsetSize = length === 0xffffffff ? 8 : 4;
    if (offsetSize === 8) length = cursor.u64();
    if (length > cursor.left) throw new FormatError('a line table that is cut off');
    const end = cursor.at + length;
    const unit = new Cursor(sections.line, cursor.at, end);
    const { rows, version } = runProgram(unit, offsetSize, { wanted, budget });
    // Up to version 4, files are counted from 1.
    if (rows.length > 0) units.push({ at, files: readFileNames(sections, at), own: version >= 5 ? 0 : 1, rows });
    at = end;
  }
  return units;
}

interface Wanted {
  wanted: (address: number) => boolean;
  budget: { rows: number };
}

/** @param cursor behind the length */
function runProgram(
  cursor: Cursor,
  offsetSize: 4 | 8,
  { wanted, budget }: Wanted,
): { rows: LineRow[]; version: number } {
  const version = cursor.u16();
  if (version < 4 || version > 5) throw new FormatError(`a line table of the unknown version ${version}`);
  if (version === 5) cursor.skip(2);
  const headerLength = offsetSize === 8 ? cursor.u64() : cursor.u32();
  const program = cursor.at + headerLength;
  const minLength = cursor.u8();
  // VLIW machines only.
  cursor.skip(1);
  cursor.skip(1);
  const lineBase = (cursor.u8() << 24) >> 24;
  const lineRange = cursor.u8();
  const opcodeBase = cursor.u8();
  if (lineRange === 0) throw new FormatError('a line table whose range is zero');
  const operands = Array.from({ length: Math.max(0, opcodeBase - 1) }, () => cursor.u8());
  cursor.skip(program - cursor.at);

  const rows: LineRow[] = [];
  let [address, line, file] = [0, 1, 1];
  let last: LineRow | null = null;
  const finish = () => {
    if (last !== null && last.address < address && wanted(last.address)) {
      if (--budget.rows < 0) throw new FormatError('more lines than are read');
      rows.push({ ...last, end: address });
    }
  };
  const emit = () => {
    finish();
    last = { address, end: address, line, file };
  };
  const reset = () => {
    [address, line, file] = [0, 1, 1];
    last = null;
  };
  while (cursor.left > 0) {
    const opcode = cursor.u8();
    if (opcode >= opcodeBase) {
      const adjusted = opcode - opcodeBase;
      address += Math.floor(adjusted / lineRange) * minLength;
      line += lineBase + (adjusted % lineRange);
      emit();
    } else if (opcode === 0) {
      const length = cursor.uleb();
      const next = cursor.at + length;
      const extended = length === 0 ? 0 : cursor.u8();
      if (extended === EXTENDED.endSequence) {
        finish();
        reset();
      } else if (extended === EXTENDED.setAddress && length === 9) {
        // The lower half is enough: all code of a kernel lies in its last 2 GiB.
        address = cursor.u32();
      }
      cursor.skip(next - cursor.at);
    } else if (opcode === OP.copy) emit();
    else if (opcode === OP.advancePc) address += cursor.uleb() * minLength;
    else if (opcode === OP.advanceLine) line += cursor.sleb();
    else if (opcode === OP.setFile) file = cursor.uleb();
    else if (opcode === OP.constAddPc) address += Math.floor((255 - opcodeBase) / lineRange) * minLength;
    else if (opcode === OP.fixedAdvancePc) address += cursor.u16();
    else for (let i = 0; i < (operands[opcode - 1] ?? 0); i++) cursor.uleb();
  }
  return { rows, version };
}
