// SPDX-License-Identifier: Apache-2.0
// Readiness marks: user space of a kernel is up, and says which boot it is. A mark is the machine's word, and checked
// like everything that it says.
import { deferred, type Deferred } from '../../util/deadline.js';

export interface ReadyMark {
  epoch: number;
  bootId: string;
  release: string;
  hostKey: string | null;
}

export class ReadyMarks {
  private readonly ready = new Map<number, Deferred<ReadyMark>>();
  private readonly bootIds = new Set<string>();
  /** The lab has reset the machine itself: resolved by the next mark, whatever its epoch, and no further one counts. */
  private cold: Deferred<ReadyMark> | null = null;

  /** The mark of the kernel of `epoch`. */
  of(epoch: number): Promise<ReadyMark> {
    return this.slot(epoch).promise;
  }

  /** The machine is reset on purpose. */
  afterReset(): Promise<ReadyMark> {
    return (this.cold ??= deferred()).promise;
  }

  get resetExpected(): boolean {
    return this.cold !== null;
  }

  /**
   * @param epoch of the run, as the lab counts it
   * @returns false where a kernel is up that nobody can have jumped to: the machine came up cold
   */
  take(line: string, epoch: number): boolean {
    const mark = readMark(line);
    if (mark === null || this.bootIds.has(mark.bootId)) return true;
    if (this.cold !== null) {
      this.cold.resolve(mark);
      return true;
    }
    this.bootIds.add(mark.bootId);
    // A kernel cannot be further ahead than the next update; who says so could go on for ever.
    if (mark.epoch !== this.bootIds.size - 1 || mark.epoch > epoch + 1) return false;
    this.slot(mark.epoch).resolve(mark);
    return true;
  }

  private slot(epoch: number): Deferred<ReadyMark> {
    let slot = this.ready.get(epoch);
    if (slot === undefined) this.ready.set(epoch, (slot = deferred()));
    return slot;
  }
}

/** Null where the line is no mark. */
function readMark(line: string): ReadyMark | null {
  let mark: Record<string, unknown> | null;
  try {
    mark = JSON.parse(line) as Record<string, unknown> | null;
  } catch {
    return null;
  }
  const { epoch, bootId, release, hostkey } = mark ?? {};
  if (typeof epoch !== 'number' || typeof bootId !== 'string' || typeof release !== 'string') return null;
  return { epoch, bootId, release, hostKey: typeof hostkey === 'string' ? hostkey : null };
}
