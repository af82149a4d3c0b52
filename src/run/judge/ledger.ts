// SPDX-License-Identifier: Apache-2.0
// One entry for each attempt to update, from the moment at which something is to be handed over until it is known what
// became of it. Each entry is closed exactly once, and each part of it is written down exactly once, however the run
// ends.
import type { AttemptOfResult } from '../../model/result/result.js';
import type { Memory } from './closing/free-memory.js';
import type { FileRecord, UpdateRecord } from './records.js';
import type { MarkedPages } from '../machine/marked-pages.js';

/** `open`: the old kernel still runs, or the next one is not up yet. The last three are final. */
export type EntryState = 'open' | 'arrived' | AttemptOfResult['state'];

/** What is judged of an update, in this order. */
export type Part = 'files' | 'guests' | 'devices' | 'iommu';

/** What the update that led into a kernel is judged by. */
export interface Arrival {
  handedOver: MarkedPages | null;
  /** Pages that the next kernel managed on arrival; null where it does not tell. */
  managed: number | null;
  /** What had memory then; null where it does not tell. */
  memory: Memory | null;
}

/** What the old kernel is about to hand over. */
export interface Leaving {
  /** The kernel that hands over. */
  epoch: number;
  sessions: number;
  files: number;
  /** Milliseconds of the run. */
  at: number;
}

export class UpdateEntry {
  #state: EntryState = 'open';
  #arrival: Arrival | null = null;
  readonly #parts = new Set<Part>();
  /** Of the files that were to be handed over; null where nobody could look. */
  record: UpdateRecord | null = null;
  /** Files of the old kernel, after a refusal. */
  kept: FileRecord[] = [];
  /** Why it was called off, or how it ended. */
  why: string | null = null;

  constructor(
    readonly leaving: Leaving,
    /** Counts from 1 in each kernel. */
    readonly attempt: number,
  ) {}

  get state(): EntryState {
    return this.#state;
  }

  get arrival(): Arrival | null {
    return this.#arrival;
  }

  get closed(): boolean {
    return this.#state !== 'open' && this.#state !== 'arrived';
  }

  /** The next kernel's user space is up. */
  arrive(arrival: Arrival): void {
    if (this.#state !== 'open') throw new Error(`${this.name} cannot arrive: it is ${this.#state}`);
    this.#state = 'arrived';
    this.#arrival = arrival;
  }

  has(part: Part): boolean {
    return this.#parts.has(part);
  }

  /** A part is in the run's record now. */
  wrote(part: Part): void {
    if (this.closed) throw new Error(`${part} of ${this.name} cannot be judged: it is ${this.#state}`);
    if (this.#parts.has(part)) throw new Error(`${part} of ${this.name} cannot be judged twice`);
    this.#parts.add(part);
  }

  close(state: AttemptOfResult['state'], why: string | null = null): void {
    if (this.closed) throw new Error(`${this.name} cannot be closed as ${state}: it is ${this.#state}`);
    if (state === 'judged' && this.#state !== 'arrived')
      throw new Error(`${this.name} cannot be judged: the next kernel is not up`);
    if (state === 'refused' && this.#state !== 'open')
      throw new Error(`${this.name} cannot be refused: the next kernel runs`);
    this.#state = state;
    this.why = why;
  }

  result(): AttemptOfResult {
    if (this.#state === 'open' || this.#state === 'arrived') throw new Error(`${this.name} was left ${this.#state}`);
    const { epoch, sessions, files, at } = this.leaving;
    return { epoch, attempt: this.attempt, state: this.#state, sessions, files, at, why: this.why };
  }

  private get name(): string {
    return `attempt ${this.attempt} to leave the kernel of epoch ${this.leaving.epoch}`;
  }
}

export class Ledger {
  readonly entries: UpdateEntry[] = [];

  /** An update begins, or is about to: something is held for the next kernel. */
  begin(leaving: Leaving): UpdateEntry {
    if (this.trying !== null)
      throw new Error(`an attempt to leave the kernel of epoch ${this.trying.leaving.epoch} is still open`);
    const before = this.entries.filter(({ leaving: { epoch } }) => epoch === leaving.epoch);
    const entry = new UpdateEntry(leaving, before.length + 1);
    this.entries.push(entry);
    return entry;
  }

  /** The attempt that is under way. */
  get trying(): UpdateEntry | null {
    return this.entries.find(({ state }) => state === 'open') ?? null;
  }

  /** The update that led into the running kernel, while it is not judged. */
  get arrived(): UpdateEntry | null {
    return this.entries.find(({ state }) => state === 'arrived') ?? null;
  }

  get open(): UpdateEntry[] {
    return this.entries.filter(({ closed }) => !closed);
  }

  /** What became of the files of each update that has a record. */
  get updates(): UpdateRecord[] {
    return this.entries.flatMap(({ record }) => record ?? []);
  }
}
