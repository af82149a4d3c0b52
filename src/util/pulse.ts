// SPDX-License-Identifier: Apache-2.0
// Waits for a machine. The deadline restarts with every sign of progress, and time in which the host kept the machine
// from running, or the lab's own loop was blocked, does not count.
import { endsOnce } from './deadline.js';
import { LabError, NoProgress } from './errors.js';
import { blockedMs } from './loop/meter.js';

/** What is known about a machine's progress, on the clock of performance.now(). */
export interface Pulse {
  /** Time of its last progress; null if there was none. */
  readonly lastMark: number | null;
  /** The value of `held()` at that time. */
  readonly heldAtMark: number;
  /** Milliseconds so far in which the host kept it from running, or the lab from seeing what it does. */
  held(): number;
  /** The host does not run it at all: a signal or a tracer has stopped it. */
  readonly stopped: boolean;
  /** Milliseconds of processor time so far; null if the host does not tell. */
  processor(): number | null;
}

/** A machine about which nothing is known. */
export const NO_PULSE: Pulse = { lastMark: null, heldAtMark: 0, stopped: false, held: () => 0, processor: () => null };

export interface MachineWait {
  /** Milliseconds allowed without progress. */
  ms: number;
  what: string;
  pulse: Pulse;
  signal?: AbortSignal | undefined;
}

/** A machine that makes progress for ever, but never finishes, gets this many times its deadline. */
const MAX_TIMES = 4;
/** The host may hold up the machine for this many times the deadline. After that, the host is to blame. */
const MAX_HELD = 20;
/** The lab's own work can delay a timer, and then pending output must be read first. Milliseconds. */
const LATE = 100;
const CATCH_UP = 250;

/** Counts down to the end of one wait. */
export class Countdown {
  private timer: NodeJS.Timeout | undefined;
  private readonly began = performance.now();
  private readonly heldBefore: number;
  private readonly processorBefore: number | null;
  /** Time of the last progress, and how long the host had held up the machine by then. */
  private since = this.began;
  private heldSince: number;
  private due = 0;
  private readonly blockedBefore = blockedMs();

  constructor(
    private readonly wait: MachineWait,
    private readonly onEnd: (error: Error) => void,
  ) {
    this.heldBefore = this.heldSince = wait.pulse.held();
    this.processorBefore = wait.pulse.processor();
    this.arm(wait.ms);
  }

  /** Reports progress that belongs to this wait alone. */
  mark(): void {
    this.since = performance.now();
    this.heldSince = this.wait.pulse.held();
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private arm(ms: number): void {
    this.due = performance.now() + ms;
    this.timer = setTimeout(() => this.look(), ms);
  }

  private look(): void {
    const { pulse, ms, what } = this.wait;
    const now = performance.now();
    if (now - this.due > LATE) return this.arm(CATCH_UP);
    const held = pulse.held();
    const { lastMark } = pulse;
    if (lastMark !== null && lastMark > this.since) {
      this.since = lastMark;
      this.heldSince = pulse.heldAtMark;
    }
    const all = now - this.began - (held - this.heldBefore);
    const still = now - this.since - (held - this.heldSince);
    if (pulse.stopped && now - this.since >= ms) {
      this.onEnd(
        new LabError('QEMU is stopped by a signal or a debugger of the host', {
          hint: `continue its process with kill -CONT; the lab was waiting for: ${what}`,
        }),
      );
    } else if (now - this.began > MAX_HELD * ms && all < ms) {
      this.onEnd(
        new LabError(
          `the host kept the machine waiting: ${what} did not come in ${Math.round((now - this.began) / 1000)} s`,
          { hint: this.hint(now) },
        ),
      );
    } else if (all >= MAX_TIMES * ms) {
      this.onEnd(new NoProgress(`${what}, although the machine goes on,`, all, this.times(now, held)));
    } else if (still >= ms) {
      this.onEnd(new NoProgress(what, ms, this.times(now, held)));
    } else {
      this.arm(Math.max(1, Math.min(ms - still, MAX_TIMES * ms - all)));
    }
  }

  /** Whether the lab's own work took the time, or others on the host. */
  private hint(now: number): string {
    const blocked = blockedMs() - this.blockedBefore;
    return blocked * 2 > now - this.began
      ? `the lab itself was blocked for ${Math.round(blocked / 1000)} s of that time: run fewer machines in one process`
      : 'run fewer machines at once on this host';
  }

  private times(now: number, held: number): { wall: number; held: number; processor: number | null } {
    const processor = this.wait.pulse.processor();
    return {
      wall: now - this.began,
      held: held - this.heldBefore,
      processor: processor === null || this.processorBefore === null ? null : processor - this.processorBefore,
    };
  }
}

/** Settles like `promise`, or rejects with NoProgress if the machine makes no progress for too long. */
export function whileItMoves<T>(promise: Promise<T>, wait: MachineWait): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const countdown = new Countdown(wait, (error) => end(() => reject(error)));
    const end = endsOnce(wait.signal, reject, () => countdown.stop());
    promise.then(
      (value) => end(() => resolve(value)),
      (error: unknown) => end(() => reject(error as Error)),
    );
    if (wait.signal?.aborted) end(() => reject(wait.signal?.reason as Error));
  });
}
