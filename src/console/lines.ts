// SPDX-License-Identifier: Apache-2.0
// Splits raw serial bytes into lines. Memory is limited by MAX_LINE, however the bytes arrive.

import { plainText } from './escape.js';

export interface ConsoleLine {
  /** Line number in the raw log as an editor counts: from 1, by line feeds only. */
  number: number;
  /** Without control characters. A carriage return within a line starts another line with the same number. */
  text: string;
  /** The line was longer than MAX_LINE; the rest of it was dropped. */
  cut: boolean;
}

/** Bytes kept of one line. */
export const MAX_LINE = 4096;

const LF = 0x0a;
const CR = 0x0d;

export class ConsoleLines {
  private readonly buffer = new Uint8Array(MAX_LINE);
  private readonly decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  private length = 0;
  private cut = false;
  private number = 1;
  /** Part of the line with this number was already passed on. */
  private emitted = false;

  /** The next byte starts a new line. */
  get atLineStart(): boolean {
    return this.length === 0 && !this.emitted;
  }

  /** Skips whole lines; returns the number of the last one. */
  skip(lines: number): number {
    this.number += lines;
    return this.number - 1;
  }

  feed(bytes: Uint8Array, each: (line: ConsoleLine) => void): void {
    let from = 0;
    // Two separate searches let the JavaScript engine use its fast byte search.
    let cr = bytes.indexOf(CR);
    while (from < bytes.length) {
      const lf = bytes.indexOf(LF, from);
      const end = lf < 0 ? bytes.length : lf;
      while (cr >= 0 && cr < end) {
        this.take(bytes, from, cr);
        if (this.length > 0) this.emit(each);
        from = cr + 1;
        cr = bytes.indexOf(CR, from);
      }
      this.take(bytes, from, end);
      if (lf < 0) return;
      if (this.length > 0 || !this.emitted) this.emit(each);
      this.number += 1;
      this.emitted = false;
      from = lf + 1;
    }
  }

  /** Passes on the last line if it had no line feed. */
  end(each: (line: ConsoleLine) => void): void {
    if (this.length > 0) this.emit(each);
  }

  private take(bytes: Uint8Array, from: number, to: number): void {
    const room = MAX_LINE - this.length;
    if (to - from > room) this.cut = true;
    const upTo = Math.min(to, from + room);
    if (upTo > from) this.buffer.set(bytes.subarray(from, upTo), this.length);
    this.length += Math.max(0, upTo - from);
  }

  private emit(each: (line: ConsoleLine) => void): void {
    const text = plainText(this.decoder.decode(this.buffer.subarray(0, this.length)));
    const line = { number: this.number, text, cut: this.cut };
    this.length = 0;
    this.cut = false;
    this.emitted = true;
    each(line);
  }
}
