// SPDX-License-Identifier: Apache-2.0
// Everything that happens in a run, in order, on one monotonic clock. The report and any replay read these alone.

/** Milliseconds since the run began, from one monotonic clock. */
export type Millis = number;

export type EventBody =
  /** A set-up or tear-down task of the run. */
  | { kind: 'task'; task: string; state: 'start' | 'done' | 'failed'; detail?: string }
  /** Progress within a task; `of` is null where the end is not known. */
  | { kind: 'progress'; task: string; done: number; of: number | null; detail?: string }
  /** A kernel reached a mark: its first line on the console, or user space. */
  | { kind: 'epoch'; mark: 'boot' | 'ready'; release: string | null; bootId: string | null }
  | {
      kind: 'step';
      index: number;
      op: string;
      target: string;
      state: 'done' | 'failed' | 'skipped';
      errno: string | null;
      ms: number;
    }
  | { kind: 'kexec'; state: 'loaded' | 'going' | 'left' | 'refused'; errno?: string }
  | { kind: 'qmp'; event: string; data: unknown }
  | { kind: 'crash'; title: string; severity: string; line: number }
  | { kind: 'oracle'; oracle: string; side: 'inside' | 'outside'; ok: boolean; detail: string }
  /** What the IOMMU did, from QEMU's trace: told when it was read, `t` is when it happened. */
  | { kind: 'iommu'; what: string; detail: string }
  /** A guest stops or goes on; `t` is when it did, by the agent's clock. */
  | { kind: 'guest'; guest: string; what: 'pausing' | 'paused' | 'saved' | 'restored' | 'resumed' }
  /** The lab held the machine still to look at it, until now. */
  | { kind: 'still'; ms: number }
  | { kind: 'fault'; fault: string; places: number; detail: string }
  | { kind: 'note'; text: string };

export type Event = EventBody & { t: Millis; epoch: number };
export type EventSink = (event: Event) => void;
