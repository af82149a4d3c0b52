// SPDX-License-Identifier: Apache-2.0
// Everything that happens in a run, in order, on one monotonic clock. The report and a replay read only these events.
import type { Rung } from './snapshot.js';

/** Milliseconds since the start of the run, from one monotonic clock. */
export type Millis = number;

/** The phases of an update, in this order. `stay`: after the old kernel has refused. */
export const UPDATE_PHASES = [
  'load',
  'inspect',
  'prepare',
  'kexec',
  'stay',
  'inject',
  'leave',
  'boot',
  'arrive',
] as const;
export type UpdatePhase = (typeof UPDATE_PHASES)[number];

export type EventBody =
  /** A set-up or tear-down task of the run. */
  | { kind: 'task'; task: string; state: 'start' | 'done' | 'failed'; detail?: string }
  /** A phase of an update begins or ends. */
  | { kind: 'phase'; phase: UpdatePhase; state: 'start' | 'done' | 'failed' }
  /** Progress of a task; `of` is null if the total is unknown. */
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
      /** If an allocation was to fail: whether there were enough of them, and whether the call was made again. */
      allocation?: { nth: number; failed: boolean; again: boolean };
    }
  | { kind: 'kexec'; state: 'loaded' | 'going' | 'left' | 'refused'; errno?: string }
  | { kind: 'qmp'; event: string; data: unknown }
  | { kind: 'crash'; title: string; severity: string; line: number }
  | { kind: 'oracle'; oracle: string; side: 'inside' | 'outside'; ok: boolean; detail: string }
  /** An action of the IOMMU, from QEMU's trace. `t` is when it happened, not when the trace was read. */
  | { kind: 'iommu'; what: string; detail: string }
  /** A guest stopped or resumed. `t` is when it did, by the agent's clock. */
  | { kind: 'guest'; guest: string; what: 'pausing' | 'paused' | 'saved' | 'restored' | 'resumed' }
  /** The lab paused the machine to inspect it; the pause ends now. */
  | { kind: 'still'; ms: number }
  | { kind: 'fault'; fault: string; places: number; detail: string }
  /** What a saved machine did for the run. `savedAt` is ISO 8601. */
  | { kind: 'snapshot'; state: 'resumed'; rung: Rung; key: string; savedAt: string }
  | { kind: 'snapshot'; state: 'saved'; rung: Rung; ms: Millis }
  | { kind: 'snapshot'; state: 'not-saved'; rung: Rung; why: string }
  | { kind: 'snapshot'; state: 'unusable'; why: string }
  | { kind: 'note'; text: string };

export type Event = EventBody & { t: Millis; epoch: number };
export type EventSink = (event: Event) => void;
