// SPDX-License-Identifier: Apache-2.0
// Raw serial bytes to lines. Whatever comes, and in whatever pieces, memory stays bounded by the longest line.

import { plainText } from './escape.js';

export interface ConsoleLine {
  /** Position in the raw log, as an editor counts: from 1, by line feeds alone. */
  number: number;
  /** Without control characters. A carriage return within a line begins a new line of the same number. */
  text: string;
  /** The line was longer than the limit; the rest of it was dropped. */
  cut: boolean;
}

/** Bytes of one line that are kept. */
export const MAX_LINE = 4096;

const LF = 0x0a;
const CR = 0x0d;

export class LineSplitter {
  private readonly buffer = new Uint8Array(MAX_LINE);
  private readonly decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  private length = 0;
  private cut = false;
  private number = 1;
  /** Something of the line with this number has been handed out already. */
  private handedOut = false;

  /** The next byte begins a new line. */
  get atLineStart(): boolean {
    return this.length === 0 && !this.handedOut;
  }

  /** Passes over whole lines that nobody wants; returns the number of the last one. */
  skip(lines: number): number {
    this.number += lines;
    return this.number - 1;
  }

  feed(bytes: Uint8Array, each: (line: ConsoleLine) => void): void {
    let from = 0;
    // Looking for the two ends separately lets the engine use its fast byte search.
    let cr = bytes.indexOf(CR);
    while (from < bytes.length) {
      const lf = bytes.indexOf(LF, from);
      const end = lf < 0 ? bytes.length : lf;
      while (cr >= 0 && cr < end) {
        this.take(bytes, from, cr);
        if (this.length > 0) this.handOut(each);
        from = cr + 1;
        cr = bytes.indexOf(CR, from);
      }
      this.take(bytes, from, end);
      if (lf < 0) return;
      if (this.length > 0 || !this.handedOut) this.handOut(each);
      this.number += 1;
      this.handedOut = false;
      from = lf + 1;
    }
  }

  /** The last line, where it had no end. */
  end(each: (line: ConsoleLine) => void): void {
    if (this.length > 0) this.handOut(each);
  }

  private take(bytes: Uint8Array, from: number, to: number): void {
    const room = MAX_LINE - this.length;
    if (to - from > room) this.cut = true;
    const upTo = Math.min(to, from + room);
    if (upTo > from) this.buffer.set(bytes.subarray(from, upTo), this.length);
    this.length += Math.max(0, upTo - from);
  }

  private handOut(each: (line: ConsoleLine) => void): void {
    const text = plainText(this.decoder.decode(this.buffer.subarray(0, this.length)));
    const line = { number: this.number, text, cut: this.cut };
    this.length = 0;
    this.cut = false;
    this.handedOut = true;
    each(line);
  }
}
