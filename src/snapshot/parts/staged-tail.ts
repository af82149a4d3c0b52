// SPDX-License-Identifier: Apache-2.0
// A file that a resumed machine writes. First comes what the saved run wrote before each rung, then what the machine
// writes itself.
import type { Tail } from '../../run/index.js';

export class StagedTail implements Tail {
  private shown = 0;
  private due = 0;
  private soon: NodeJS.Immediate | null = null;

  constructor(
    /** All that the saved run wrote. */
    private readonly content: Buffer,
    private readonly onData: (chunk: Buffer) => void,
    private readonly tail: Tail,
  ) {}

  /** What came before a rung may be read from now on. */
  show(bytes: number): void {
    this.due = Math.max(this.due, bytes);
    // The reader of a real file does not get data from the call that makes it.
    this.soon ??= setImmediate(() => this.look());
  }

  look(): void {
    this.readDue();
    this.tail.look();
  }

  stop(): void {
    this.readDue();
    this.tail.stop();
  }

  private readDue(): void {
    if (this.soon !== null) clearImmediate(this.soon);
    this.soon = null;
    const chunk = this.content.subarray(this.shown, this.due);
    this.shown = Math.max(this.shown, this.due);
    if (chunk.length > 0) this.onData(chunk);
  }
}
