// SPDX-License-Identifier: Apache-2.0
// Follows the lengths in what Redis sends. A reply that is larger than any of the lab ends the connection, before the
// client has put it together in memory.

const MAX_STRING_BYTES = 16 << 20;
const MAX_REPLY_BYTES = 64 << 20;
const MAX_ELEMENTS = 1_000_000;
const MAX_LINE_BYTES = 1 << 16;

/** Replies with a length and that many bytes. */
const STRINGS = '$!=';
/** Replies with a count and that many replies, or twice as many. */
const LISTS = '*~>';
const MAPS = '%|';

export class ReplyGuard {
  /** Bytes of a string that are still to come. */
  private left = 0;
  /** The begin of a line, cut by the end of a packet. */
  private line = '';
  private bytes = 0;
  /** Parts of the reply that are still to come. */
  private parts = 1;

  /** Takes what came. Returns why it is too large, or null. */
  take(chunk: Buffer): string | null {
    for (let at = 0; at < chunk.length;) {
      if (this.left > 0) {
        const skipped = Math.min(this.left, chunk.length - at);
        this.left -= skipped;
        at += skipped;
        if (this.left === 0) this.ended();
        continue;
      }
      const end = chunk.indexOf(10, at);
      this.line += chunk.toString('latin1', at, end < 0 ? chunk.length : end);
      if (this.line.length > MAX_LINE_BYTES) return `a line of more than ${MAX_LINE_BYTES} bytes`;
      if (end < 0) return null;
      at = end + 1;
      const problem = this.takeLine(this.line);
      this.line = '';
      if (problem !== null) return problem;
    }
    return null;
  }

  private takeLine(line: string): string | null {
    const kind = line.charAt(0);
    const count = Number.parseInt(line.slice(1), 10);
    this.bytes += line.length;
    if (STRINGS.includes(kind) && count >= 0) {
      this.bytes += count;
      if (count > MAX_STRING_BYTES) return `a string of ${count} bytes`;
      this.left = count + 2;
    } else if ((LISTS.includes(kind) || MAPS.includes(kind)) && count > 0) {
      this.parts += MAPS.includes(kind) ? 2 * count : count;
      if (this.parts > MAX_ELEMENTS) return `a list of ${count} elements`;
      this.ended();
    } else this.ended();
    return this.bytes > MAX_REPLY_BYTES ? `a reply of more than ${MAX_REPLY_BYTES} bytes` : null;
  }

  private ended(): void {
    if (--this.parts > 0) return;
    this.parts = 1;
    this.bytes = 0;
  }
}
