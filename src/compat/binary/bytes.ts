// SPDX-License-Identifier: Apache-2.0
// Reads untrusted bytes within bounds: the result is always a value or a FormatError.

/** The bytes are cut off, damaged, or of an unknown kind. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
}

/** A source of bytes: a file or a piece of memory. */
export interface ByteSource {
  readonly size: number;
  /** Returns exactly `length` bytes. Callers stay within the bounds. */
  read(offset: number, length: number): Uint8Array;
}

export function fromMemory(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) };
}

const MAX_STRING = 4096;

/** Reads little-endian values in order. */
export class Cursor {
  private readonly view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    public at = 0,
    readonly end = bytes.length,
  ) {
    if (at < 0 || end > bytes.length || at > end) throw new FormatError('a place beyond the end of its section');
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.end - this.at;
  }

  /** Moves forward and returns the old position. */
  skip(count: number): number {
    if (!(count >= 0) || count > this.left) throw new FormatError('cut off');
    const before = this.at;
    this.at += count;
    return before;
  }

  u8(): number {
    return this.view.getUint8(this.skip(1));
  }

  u16(): number {
    return this.view.getUint16(this.skip(2), true);
  }

  u24(): number {
    const low = this.u16();
    return low + this.u8() * 0x10000;
  }

  u32(): number {
    return this.view.getUint32(this.skip(4), true);
  }

  /** Values above 2^53 lose their lowest bits, but no valid offset or size is that large. */
  u64(): number {
    const low = this.u32();
    return this.u32() * 2 ** 32 + low;
  }

  uleb(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new FormatError('a number that does not end');
  }

  sleb(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return byte & 0x40 ? value - 2 ** (shift + 7) : value;
    }
    throw new FormatError('a number that does not end');
  }

  /** A string up to its NUL. */
  text(): string {
    const stop = this.bytes.indexOf(0, this.at);
    if (stop < 0 || stop >= this.end) throw new FormatError('a string that does not end');
    if (stop - this.at > MAX_STRING) throw new FormatError('a string that is too long');
    const text = latin1(this.bytes.subarray(this.at, stop));
    this.at = stop + 1;
    return text;
  }
}

export function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** The string at an offset of a string table. */
export function stringAt(table: Uint8Array, offset: number): string {
  return new Cursor(table, offset).text();
}
