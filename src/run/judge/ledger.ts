// SPDX-License-Identifier: Apache-2.0
// The ledger has one entry for each attempt to update. An entry is opened before the handover and closed exactly once,
// and each of its parts is written exactly once, however the run ends.
import type { AttemptOfResult } from '../../model/result/result.js';
import type { PageStacks } from '../../oracles/checkers/page-owner.js';
import type { Memory } from './closing/free-memory.js';
import type { FileRecord, UpdateRecord } from './records.js';
import type { MarkedPages } from '../machine/marked-pages.js';

/** `open`: the old kernel still runs, or the next one is not up yet. The last three are final. */
export type EntryState = 'open' | 'arrived' | AttemptOfResult['state'];

/** The parts of an update, in the order in which they are judged. */
export type Part = 'files' | 'guests' | 'devices' | 'iommu';

/** What was read when the next kernel was up; the update is judged against it. */
export interface Arrival {
  handedOver: MarkedPages | null;
  /** Pages that the next kernel managed on arrival; null where it does not report them. */
  managed: number | null;
  /** The kernel's account of its memory on arrival; null where it has none. */
  memory: Memory | null;
  /** How many pages each piece of the kernel's code had on arrival; null where it does not say. */
  stacks: PageStacks | null;
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
  /** The record of the files that were to be handed over; null where they could not be seen. */
  record: UpdateRecord | null = null;
  /** Files in the old kernel after a refusal. */
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

  /** A part has been added to the run's record. */
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

  /** Opens an entry: an update begins, or sessions already hold something for one. */
  begin(leaving: Leaving): UpdateEntry {
    if (this.trying !== null)
      throw new Error(`an attempt to leave the kernel of epoch ${this.trying.leaving.epoch} is still open`);
    const before = this.entries.filter(({ leaving: { epoch } }) => epoch === leaving.epoch);
    const entry = new UpdateEntry(leaving, before.length + 1);
    this.entries.push(entry);
    return entry;
  }

  /** The current attempt. */
  get trying(): UpdateEntry | null {
    return this.entries.find(({ state }) => state === 'open') ?? null;
  }

  /** The update that led into the running kernel, until it is judged. */
  get arrived(): UpdateEntry | null {
    return this.entries.find(({ state }) => state === 'arrived') ?? null;
  }

  get open(): UpdateEntry[] {
    return this.entries.filter(({ closed }) => !closed);
  }

  /** The records of all updates that have one. */
  get updates(): UpdateRecord[] {
    return this.entries.flatMap(({ record }) => record ?? []);
  }
}
