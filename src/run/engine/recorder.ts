// SPDX-License-Identifier: Apache-2.0
// Where everything that happens in a run is written down: events to a sink, incidents to a bounded list, all on one
// clock.
import type { Event, EventBody, EventSink, UpdatePhase } from '../../model/result/event.js';
import type { Incident } from '../../model/result/incident.js';
import { printable } from '../../util/text/escape.js';
import type { Clock } from '../../util/clock.js';
import { Witnesses } from '../../verdict/witnesses.js';

/** Incidents that are all kept; beyond it only those that say something new for the verdict are. */
const MAX_INCIDENTS = 500;
/** Of different titles; beyond it one an outcome and epoch is kept, so that no outcome is ever lost. */
const MAX_TITLES = 1000;
/** Characters of a title. */
const TITLE = 300;

export class Recorder {
  /** When each kernel began to count as the one that runs. */
  private readonly began = [0];
  readonly incidents: Incident[] = [];
  /** Incidents beyond the limits: counted, not kept. The verdict is the same without them. */
  dropped = 0;

  constructor(
    readonly clock: Clock,
    private readonly sink: EventSink,
    /** Who looked, and who was blind. */
    readonly witnesses = new Witnesses(),
  ) {}

  /** The kernel that runs now. */
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

  /** When a kernel began to count as the one that runs; infinite where none of that number has. */
  beganAt(epoch: number): number {
    return this.began[epoch] ?? Infinity;
  }

  /**
   * @param t where it is known later than it happened: the time at which it did
   * @param epoch of the kernel that it is about, where that is not the one that ran then
   */
  event(body: EventBody, t: number | null = null, epoch = t === null ? this.epoch : this.epochAt(t)): void {
    this.sink({ t: t ?? this.clock.now(), epoch, ...body } as Event);
  }

  /** Text from the machine is made safe and bounded here, once for all readers. */
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
      title: printable(incident.title, TITLE),
      detail,
    });
  }

  private isNews({ epoch, implies, title }: Pick<Incident, 'epoch' | 'implies' | 'title'>): boolean {
    const { length } = this.incidents;
    if (length < MAX_INCIDENTS) return true;
    const safe = printable(title, TITLE);
    return (
      implies !== null &&
      !this.incidents.some(
        (known) => known.epoch === epoch && known.implies === implies && (length >= MAX_TITLES || known.title === safe),
      )
    );
  }

  /**
   * A kernel that refused an attempt to leave has left after all: what it said of the refusal stays, and stands for
   * nothing.
   */
  overtake(epoch: number): void {
    for (const [at, incident] of this.incidents.entries()) {
      if (incident.epoch === epoch && incident.implies === 'refused')
        this.incidents[at] = { ...incident, implies: null };
    }
  }

  /** Runs one phase of an update, with its times as events. */
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

  /** Runs one task of the run, with its times as events. */
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
