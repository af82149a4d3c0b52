// SPDX-License-Identifier: Apache-2.0
// Readiness marks: a kernel's user space is up, and says which boot it is. A mark comes from the machine, so it is
// checked like everything that the machine says.
import { z } from 'zod';
import { deferred, type Deferred } from '../../util/deadline.js';
import { parseJson } from '../../util/json.js';

const markSchema = z.object({ epoch: z.number(), bootId: z.string(), release: z.string() });

export type ReadyMark = z.infer<typeof markSchema>;

export class ReadyMarks {
  private readonly ready = new Map<number, Deferred<ReadyMark>>();
  private readonly bootIds = new Set<string>();
  /** Set when the lab itself resets the machine: the next mark resolves it, whatever its epoch; no later one counts. */
  private cold: Deferred<ReadyMark> | null = null;

  /** The mark of the kernel of `epoch`. */
  of(epoch: number): Promise<ReadyMark> {
    return this.slot(epoch).promise;
  }

  /** The lab is about to reset the machine. Resolves with the mark of the cold boot. */
  afterReset(): Promise<ReadyMark> {
    return (this.cold ??= deferred()).promise;
  }

  get resetExpected(): boolean {
    return this.cold !== null;
  }

  /**
   * @param epoch the running epoch, as the lab counts it
   * @returns false if no kexec can have started this kernel: the machine booted cold
   */
  take(line: string, epoch: number): boolean {
    const mark = parseJson(line, markSchema);
    if (mark === null || this.bootIds.has(mark.bootId)) return true;
    if (this.cold !== null) {
      this.cold.resolve(mark);
      return true;
    }
    this.bootIds.add(mark.bootId);
    // A kernel cannot be more than one update ahead; without this check a machine could claim epochs for ever.
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
