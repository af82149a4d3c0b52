// SPDX-License-Identifier: Apache-2.0
// Records everything that happens in a run, on one clock: events go to a sink, incidents to a bounded list.
import type { Event, EventBody, EventSink, UpdatePhase } from '../../model/result/event.js';
import type { Incident } from '../../model/result/incident.js';
import { printable } from '../../util/text/escape.js';
import type { Clock } from '../../util/clock.js';
import { Witnesses } from '../../verdict/witnesses.js';

/** Up to this number every incident is kept; beyond it, only those that are news for the verdict. */
const MAX_INCIDENTS = 500;
/** Beyond this number, only one incident for each outcome and epoch is kept, so that no outcome is ever lost. */
const MAX_TITLES = 1000;
/** Characters of a title. */
const MAX_TITLE = 300;

export class Recorder {
  /** When each kernel became the running one. */
  private readonly began = [0];
  readonly incidents: Incident[] = [];
  /** Number of incidents beyond the limits, which are not kept. The verdict is the same without them. */
  dropped = 0;

  constructor(
    readonly clock: Clock,
    private readonly sink: EventSink,
    /** Which witnesses looked, and which were blind. */
    readonly witnesses = new Witnesses(),
  ) {}

  /** The running kernel. */
  get epoch(): number {
    return this.began.length - 1;
  }

  set epoch(next: number) {
    while (this.began.length <= next) this.began.push(this.clock.now());
  }

  /** The kernel that ran at a time. */
  epochAt(t: number): number {
    return Math.max(
      0,
      this.began.findLastIndex((began) => began <= t),
    );
  }

  /** When a kernel became the running one; infinite if it has not. */
  beganAt(epoch: number): number {
    return this.began[epoch] ?? Infinity;
  }

  /**
   * @param t when it happened, if that was not now
   * @param epoch the kernel that it is about, if that is not the one that ran then
   */
  event(body: EventBody, t: number | null = null, epoch = t === null ? this.epoch : this.epochAt(t)): void {
    this.sink({ t: t ?? this.clock.now(), epoch, ...body } as Event);
  }

  /** Records an incident. Text from the machine is made safe and bounded here, once for all readers. */
  incident(incident: Omit<Incident, 't' | 'epoch'> & { epoch?: number }): void {
    if (!this.isNews({ epoch: this.epoch, ...incident })) {
      this.dropped++;
      return;
    }
    const detail = incident.detail
      .split('\n')
      .slice(0, 200)
      .map((line) => printable(line, 500))
      .join('\n');
    this.incidents.push({
      epoch: this.epoch,
      t: this.clock.now(),
      ...incident,
      title: printable(incident.title, MAX_TITLE),
      detail,
    });
  }

  private isNews({ epoch, implies, title }: Pick<Incident, 'epoch' | 'implies' | 'title'>): boolean {
    const { length } = this.incidents;
    if (length < MAX_INCIDENTS) return true;
    const safe = printable(title, MAX_TITLE);
    return (
      implies !== null &&
      !this.incidents.some(
        (known) => known.epoch === epoch && known.implies === implies && (length >= MAX_TITLES || known.title === safe),
      )
    );
  }

  /**
   * A kernel that refused an update has jumped in a later attempt: its refusal stays on record, but no longer implies
   * an outcome.
   */
  overtake(epoch: number): void {
    for (const [at, incident] of this.incidents.entries()) {
      if (incident.epoch === epoch && incident.implies === 'refused')
        this.incidents[at] = { ...incident, implies: null };
    }
  }

  /** Runs one phase of an update, with events for its start and end. */
  async phase<T>(phase: UpdatePhase, work: () => Promise<T>): Promise<T> {
    this.event({ kind: 'phase', phase, state: 'start' });
    try {
      const value = await work();
      this.event({ kind: 'phase', phase, state: 'done' });
      return value;
    } catch (error) {
      this.event({ kind: 'phase', phase, state: 'failed' });
      throw error;
    }
  }

  /** Runs one task of the run, with events for its start and end. */
  async task<T>(task: string, work: () => Promise<T>): Promise<T> {
    this.event({ kind: 'task', task, state: 'start' });
    try {
      const value = await work();
      this.event({ kind: 'task', task, state: 'done' });
      return value;
    } catch (error) {
      this.event({ kind: 'task', task, state: 'failed', detail: printable(String(error), 500) });
      throw error;
    }
  }
}
