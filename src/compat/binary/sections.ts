// SPDX-License-Identifier: Apache-2.0
// Reads the ELF section .liveupdate_versions, in which a kernel lists the versions that it reads. If part of it is
// invalid, nothing is known: the lab does not guess.
import type { Component } from '../../model/kernel/component.js';
import { type ByteSource, Cursor, FormatError, latin1 } from './bytes.js';
import { ComponentError, parseComponent, sameComponent } from './component.js';
import { readElf, sectionBytes, sectionsNamed } from './elf.js';

export const VERSIONS_SECTION = '.liveupdate_versions';

/** "LVUP" as a little-endian number of 32 bits. */
const MAGIC = 0x4c565550;
const HEADER_VERSION = 1;
const HEADER_BYTES = 8;
const ENTRY_BYTES = 48;
const MAX_BYTES = HEADER_BYTES + 256 * ENTRY_BYTES;

export type SectionAnswer =
  | { state: 'known'; components: Component[] }
  /** There is no such section, as in most kernels. */
  | { state: 'absent' }
  | { state: 'unknown'; why: string };

/** Reads the content of the section. */
export function parseVersions(bytes: Uint8Array): SectionAnswer {
  try {
    return { state: 'known', components: versions(bytes) };
  } catch (error) {
    if (error instanceof FormatError || error instanceof ComponentError)
      return { state: 'unknown', why: `${VERSIONS_SECTION}: ${error.message}` };
    throw error;
  }
}

function versions(bytes: Uint8Array): Component[] {
  if (bytes.length > MAX_BYTES) throw new FormatError(`${bytes.length} bytes are more than any kernel needs`);
  const cursor = new Cursor(bytes);
  if (bytes.length < HEADER_BYTES) throw new FormatError(`cut off: ${bytes.length} bytes`);
  const magic = cursor.u32();
  if (magic !== MAGIC) throw new FormatError(`damaged: it begins with 0x${magic.toString(16)}`);
  const version = cursor.u32();
  if (version !== HEADER_VERSION)
    throw new FormatError(`header version ${version} is not known, only ${HEADER_VERSION} is`);
  if (cursor.left % ENTRY_BYTES !== 0)
    throw new FormatError(`damaged: ${cursor.left} bytes are not a whole number of entries`);
  const components: Component[] = [];
  while (cursor.left > 0) {
    const entry = bytes.subarray(cursor.skip(ENTRY_BYTES), cursor.at);
    // One text, or several with a NUL between them, as in a `compatible` list.
    const text = latin1(entry).replace(/\0+$/, '');
    if (text.length === ENTRY_BYTES || /^\0|\0\0/.test(text))
      throw new FormatError('damaged: an entry is not padded with NUL');
    for (const component of parseComponent(text))
      if (!components.some((known) => sameComponent(known, component))) components.push(component);
  }
  return components;
}

/** Looks for the section in a vmlinux. */
export function versionsOfImage(source: ByteSource): SectionAnswer {
  try {
    const elf = readElf(source);
    const [section, second] = sectionsNamed(elf, VERSIONS_SECTION);
    if (section === undefined) return { state: 'absent' };
    if (second !== undefined) return { state: 'unknown', why: `more than one ${VERSIONS_SECTION}` };
    return parseVersions(sectionBytes(elf, section, MAX_BYTES));
  } catch (error) {
    if (error instanceof FormatError) return { state: 'unknown', why: error.message };
    throw error;
  }
}
