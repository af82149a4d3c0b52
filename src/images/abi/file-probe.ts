// SPDX-License-Identifier: Apache-2.0
// Asks a kernel's own compiler where its structures for open files have their fields: a source with nothing but a table
// of offsets, and the reader of that table in the object.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteSource, FormatError, readElf, sectionBytes, sectionsNamed } from '../../compat/index.js';
import { FILE_FIELDS, type FieldPlace, type FileField, type FilePlaces } from '../../model/kernel/file-places.js';

export const FILE_PROBE = 'kernel/lab_file_probe';
const HEADERS = ['linux/fs.h', 'linux/shmem_fs.h', 'linux/fdtable.h', 'linux/sched.h', 'linux/stddef.h'];
const SECTION = '.lab_places';
const NAME_BYTES = 56;
const ENTRY_BYTES = NAME_BYTES + 8;

/** C; null if the tree lacks a header. */
export function fileProbe(tree: string): string | null {
  if (!HEADERS.every((header) => existsSync(join(tree, 'include', header)))) return null;
  const entries = FILE_FIELDS.map((field) => {
    const [structure = '', member = ''] = field.split('.');
    const type = `struct ${structure}`;
    return `\t{ "${field}", offsetof(${type}, ${member}), sizeof(((${type} *)0)->${member}) },\n`;
  });
  return [
    ...HEADERS.map((header) => `#include <${header}>\n`),
    `static const struct { char field[${NAME_BYTES}]; unsigned int offset, size; } lab_places[]\n`,
    `__attribute__((used, section("${SECTION}"))) = {\n${entries.join('')}};\n`,
  ].join('');
}

/** Reads the table; null if it is not whole. */
export function readFilePlaces(object: ByteSource): FilePlaces | null {
  try {
    const elf = readElf(object);
    const [section] = sectionsNamed(elf, SECTION);
    return section === undefined ? null : placesIn(Buffer.from(sectionBytes(elf, section, ENTRY_BYTES * 64)));
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}

function placesIn(table: Buffer): FilePlaces | null {
  const found = new Map<string, FieldPlace>();
  for (let at = 0; at + ENTRY_BYTES <= table.length; at += ENTRY_BYTES) {
    const [name = ''] = table.toString('latin1', at, at + NAME_BYTES).split('\0');
    found.set(name, { offset: table.readUInt32LE(at + NAME_BYTES), size: table.readUInt32LE(at + NAME_BYTES + 4) });
  }
  const entries = FILE_FIELDS.flatMap((field): [FileField, FieldPlace][] => {
    const place = found.get(field);
    return place === undefined ? [] : [[field, place]];
  });
  return entries.length === FILE_FIELDS.length ? (Object.fromEntries(entries) as Record<FileField, FieldPlace>) : null;
}
