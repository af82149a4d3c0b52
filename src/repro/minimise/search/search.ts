// SPDX-License-Identifier: Apache-2.0
// The smallest scenario so far. It only changes to a candidate that did fail in the same way.
import { MAX_FILE_BYTES } from '../../../scenario/source/read-text.js';
import type { Candidates } from './candidates.js';
import { type Data, textOf } from '../data.js';

export class Search {
  constructor(
    public data: Data,
    private readonly candidates: Candidates,
    private readonly onSmaller: (data: Data) => void,
  ) {
    candidates.take(textOf(data));
  }

  /** Takes the first in order that fails in the same way. Returns its index, or null. */
  async takeFirst(candidates: readonly Data[]): Promise<number | null> {
    const found = await this.candidates.first(candidates.map(textOf));
    if (found === null) return null;
    const data = candidates[found] as Data;
    const changed = textOf(data) !== textOf(this.data);
    this.data = data;
    if (changed) this.onSmaller(data);
    return found;
  }

  /**
   * Writes copies out while `body` reduces them. If none of them goes, the short form stays. So it does if the long
   * form is too large for a scenario file.
   */
  async inFull(writeOut: (data: Data) => Data, body: () => Promise<void>): Promise<void> {
    const short = this.data;
    const full = writeOut(short);
    const text = textOf(full);
    if (text === textOf(short) || Buffer.byteLength(text) > MAX_FILE_BYTES) return;
    this.candidates.take(text);
    this.data = full;
    try {
      await body();
    } finally {
      if (this.data === full || textOf(this.data) === text) this.data = short;
    }
  }
}
