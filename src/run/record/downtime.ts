// SPDX-License-Identifier: Apache-2.0
// Measures guest downtime and its phases from the events of the run: from the pause of the first vCPU to the resume of
// the last.
import type { Event } from '../../model/result/event.js';
import { DOWNTIME_PHASES, type DowntimeOfResult, type DowntimePhase } from '../../model/result/guest-result.js';

/** Ends of phases, in milliseconds of the machine's own time. */
interface Marks {
  began: number;
  ends: Map<DowntimePhase, number>;
  looks: number;
}

export class DowntimeReader {
  /** Milliseconds for which the lab has paused the machine so far. */
  private paused = 0;
  private marks: Marks | null = null;
  private done: { marks: Marks; epoch: number } | null = null;

  take(event: Event): void {
    if (event.kind === 'still') {
      this.paused += event.ms;
      if (this.marks !== null) this.marks.looks += event.ms;
      return;
    }
    const t = event.t - this.paused;
    if (event.kind === 'guest' && event.what === 'pausing') this.marks ??= { began: t, ends: new Map(), looks: 0 };
    const { marks } = this;
    if (marks === null) return;
    const phase = phaseEndedBy(event, marks);
    if (phase !== null)
      marks.ends.set(
        phase,
        Math.max(t - ('ms' in event && phase === 'agent' ? event.ms : 0), marks.ends.get(phase) ?? 0),
      );
    // A guest that is resumed by the kernel that paused it was not carried over an update.
    if (phase === 'resume' && !marks.ends.has('boot')) this.marks = null;
    else if (phase === 'resume') this.done = { marks, epoch: event.epoch };
  }

  /**
   * The downtime of the update that led into the running kernel; null where no guest was resumed after it.
   * @param guests the guests that were carried
   */
  finish(guests: readonly { name: string; size: number; ms: number | null }[]): DowntimeOfResult | null {
    const { done } = this;
    this.done = null;
    this.marks = null;
    if (done === null || guests.length === 0) return null;
    const {
      marks: { began, ends, looks },
      epoch,
    } = done;
    const phases: DowntimeOfResult['phases'] = [];
    let at = began;
    for (const phase of DOWNTIME_PHASES) {
      const end = ends.get(phase);
      if (end === undefined) continue;
      phases.push({ phase, ms: round(Math.max(0, end - at)) });
      at = Math.max(at, end);
    }
    const ms = at - began;
    const mib = guests.reduce((sum, { size }) => sum + size, 0) / 2 ** 20;
    const longest = guests.reduce<DowntimeOfResult['longest']>(
      (most, each) => (each.ms !== null && each.ms > (most?.ms ?? -1) ? { guest: each.name, ms: each.ms } : most),
      null,
    );
    return {
      epoch,
      ms: round(ms),
      phases,
      guests: guests.length,
      mib,
      perGuest: round(ms / guests.length),
      perMib: round(ms / mib),
      longest,
      looks: round(looks),
    };
  }
}

/** The phase that an event ends; null for other events. */
function phaseEndedBy(event: Event, { ends }: Marks): DowntimePhase | null {
  switch (event.kind) {
    case 'guest':
      return event.what === 'paused'
        ? 'pause'
        : event.what === 'saved'
          ? 'save'
          : event.what === 'restored'
            ? 'restore'
            : event.what === 'resumed'
              ? 'resume'
              : null;
    case 'kexec':
      return event.state === 'going' ? 'lab' : event.state === 'left' ? 'freeze' : null;
    case 'epoch':
      return event.mark === 'boot' ? 'jump' : 'boot';
    case 'step':
      if (event.op === 'preserve') return ends.has('lab') ? null : 'preserve';
      if (event.op === 'retrieve-session') return ends.has('agent') ? null : 'agent';
      if (event.op === 'guest-attach') return ends.has('restore') ? 'devices' : null;
      return event.op === 'retrieve' ? 'retrieve' : null;
    default:
      return null;
  }
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
