// SPDX-License-Identifier: Apache-2.0
// A kernel's own list of versions, out of a file: only the headers and the section itself are read.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type ByteSource, FormatError, versionsOfImage } from '../../compat/index.js';
import type { Component } from '../../model/kernel/component.js';

/** The file as bytes that are read when they are asked for. Throws as the file system does. */
export function withFile<T>(path: string, body: (source: ByteSource) => T): T {
  const fd = openSync(path, 'r');
  try {
    const read = (offset: number, length: number): Uint8Array => {
      const bytes = Buffer.alloc(length);
      const got = readSync(fd, bytes, 0, length, offset);
      if (got !== length) throw new FormatError('cut off while it was read');
      return bytes;
    };
    return body({ size: fstatSync(fd).size, read });
  } finally {
    closeSync(fd);
  }
}

/** The list in an ELF image; null where it has none, or none that can be read: then a note says why. */
export function listedIn(source: ByteSource, notes: string[]): Component[] | null {
  const answer = versionsOfImage(source);
  if (answer.state === 'known') return answer.components;
  if (answer.state === 'unknown') notes.push(`what the kernel says of itself is not known: ${answer.why}`);
  return null;
}
