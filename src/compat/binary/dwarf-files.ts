// SPDX-License-Identifier: Apache-2.0
// Reads the names of a unit's source files from the header of its line table (DWARF 4 and 5, section 6.2.4), without
// the line program.
import { Cursor, FormatError } from './bytes.js';
import { type DebugSections, type Encoding, readValue, type Value } from './dwarf-forms.js';

const MAX_FILES = 1 << 16;
const PATH = 1;
const DIRECTORY = 2;

/** File names by their number in the unit: absolute, or relative to the compiler's folder. */
export function readFileNames(sections: DebugSections, offset: number): string[] {
  const cursor = new Cursor(sections.line, offset);
  const length = cursor.u32();
  const offsetSize = length === 0xffffffff ? 8 : 4;
  if (offsetSize === 8) cursor.u64();
  const version = cursor.u16();
  if (version < 2 || version > 5) throw new FormatError(`a line table of the unknown version ${version}`);
  if (version === 5) cursor.skip(2);
  fixedSize(cursor, offsetSize);
  cursor.skip(version >= 4 ? 5 : 4);
  const opcodes = cursor.u8();
  if (opcodes > 0) cursor.skip(opcodes - 1);
  if (version < 5) return oldNames(cursor);
  const encoding: Encoding = { version, offsetSize, addressSize: 8, unit: 0, strOffsetsBase: null };
  const folders = entries(cursor, encoding, sections).map(({ path }) => path);
  return entries(cursor, encoding, sections).map(({ path, directory }) => within(folders[directory], path));
}

function fixedSize(cursor: Cursor, size: number): number {
  return size === 8 ? cursor.u64() : cursor.u32();
}

function within(folder: string | undefined, path: string): string {
  return folder === undefined || path.startsWith('/') || folder === '' ? path : `${folder}/${path}`;
}

interface Entry {
  path: string;
  directory: number;
}

function entries(cursor: Cursor, encoding: Encoding, sections: DebugSections): Entry[] {
  const formats = Array.from({ length: cursor.u8() }, () => ({ content: cursor.uleb(), form: cursor.uleb() }));
  const count = cursor.uleb();
  if (count > MAX_FILES) throw new FormatError(`${count} files in one line table`);
  return Array.from({ length: count }, () => {
    const entry: Entry = { path: '', directory: 0 };
    for (const { content, form } of formats) {
      const value: Value = readValue(
        cursor,
        { attribute: 0, form, implicit: 0 },
        encoding,
        sections,
        content === PATH ? 'read' : 'skip',
      );
      if (content === PATH && typeof value === 'string') entry.path = value;
      if (content === DIRECTORY && typeof value === 'number') entry.directory = value;
    }
    return entry;
  });
}

function oldNames(cursor: Cursor): string[] {
  const folders = [''];
  for (let folder = cursor.text(); folder !== ''; folder = cursor.text())
    if (folders.push(folder) > MAX_FILES) throw new FormatError('too many folders');
  // File numbers start at 1.
  const names = [''];
  for (let name = cursor.text(); name !== ''; name = cursor.text()) {
    const directory = cursor.uleb();
    cursor.uleb();
    cursor.uleb();
    if (names.push(within(folders[directory], name)) > MAX_FILES) throw new FormatError('too many files');
  }
  return names;
}
