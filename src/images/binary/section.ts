// SPDX-License-Identifier: Apache-2.0
// Reads a kernel's own list of versions from a file. Only the headers and the section itself are read.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type ByteSource, FormatError, versionsOfImage } from '../../compat/index.js';
import type { Component } from '../../model/kernel/component.js';

/** Opens a file whose bytes are read on demand. Throws like the file system. */
export function withFile<T>(path: string, body: (source: ByteSource) => T): T {
  const fd = openSync(path, 'r');
  try {
    const read = (offset: number, length: number): Uint8Array => {
      const bytes = Buffer.alloc(length);
      const got = readSync(fd, bytes, 0, length, offset);
      if (got !== length) throw new FormatError('the file shrank while it was read');
      return bytes;
    };
    return body({ size: fstatSync(fd).size, read });
  } finally {
    closeSync(fd);
  }
}

/** Reads the list in an ELF image; null if it has none, or no readable one (then a note says why). */
export function listedIn(source: ByteSource, notes: string[]): Component[] | null {
  const answer = versionsOfImage(source);
  if (answer.state === 'known') return answer.components;
  if (answer.state === 'unknown') notes.push(`the kernel's own list of versions cannot be read: ${answer.why}`);
  return null;
}
