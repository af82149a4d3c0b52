// SPDX-License-Identifier: Apache-2.0
// The parts of a cold run that saves its machine: the same machine, with a copy of what it writes and a journal of what
// its agents say. Nothing here changes what the run sees.
import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Rung } from '../../model/result/snapshot.js';
import { COVERAGE_FILE, READY_FILE } from '../../qemu/args.js';
import type { RungSaver, RunParts, Savable, Tail } from '../../run/index.js';
import { messageOf } from '../../util/errors.js';
import type { TailOptions } from '../../util/process/tail.js';
import { JOURNAL_FILE } from '../journal/entry.js';
import { Journal } from '../journal/journal.js';
import type { Draft, DraftRung, Published } from '../store/draft.js';
import { Copy } from './copy.js';
import { JournalledPort } from './journalled-port.js';
import { portNumber } from './port-number.js';

const MAX_CONSOLE = 8 << 20;
const MAX_MARKS = 1 << 20;

/** Writes the machine that stands still to two files. Rejects if it cannot. */
export type SaveMachine = (machine: Savable, files: { state: string; ram: string }) => Promise<void>;

export interface SavingOptions {
  rungs: readonly Rung[];
  draft: Pick<Draft, 'path' | 'publish' | 'discard'>;
  save: SaveMachine;
  qemuVersion: string;
  /** Of the rung `retrieve`; see `operationsBeforeFiles`. */
  operations?: string | null;
}

export class Saving implements RungSaver {
  private readonly journal = new Journal();
  private readonly console = new Copy(MAX_CONSOLE);
  private readonly marks = new Copy(MAX_MARKS);
  private readonly tails: Tail[] = [];
  private readonly saved: DraftRung[] = [];
  private readonly left: Set<Rung>;
  private over = false;
  private boot = { ms: 0, console: 0, marks: 0 };

  constructor(
    private readonly base: RunParts,
    private readonly options: SavingOptions,
  ) {
    this.left = new Set(options.rungs);
  }

  get parts(): RunParts {
    const { base } = this;
    return {
      ...base,
      machine: { ...base.machine, follow: (options) => this.follow(options) },
      openPort: (path) =>
        new JournalledPort(base.openPort(path), portNumber(path), () => (this.left.size > 0 ? this.journal : null)),
    };
  }

  booted(ms: number): void {
    this.look();
    this.boot = { ms, console: this.console.bytes, marks: this.marks.bytes };
  }

  wants(rung: Rung): boolean {
    return this.left.has(rung);
  }

  async save(rung: Rung, machine: Savable): Promise<string | null> {
    try {
      this.saved.push(await this.saveRung(rung, machine));
      return null;
    } catch (error) {
      // Later rungs need the journal up to here.
      this.left.clear();
      return messageOf(error);
    } finally {
      this.left.delete(rung);
    }
  }

  /** After the run: gives the ladder its name, if there is one. Rejects only when `signal` is aborted. */
  async publish(signal: AbortSignal): Promise<Published | null> {
    const { draft, qemuVersion } = this.options;
    if (this.saved.length === 0) {
      this.discard();
      return null;
    }
    this.over = true;
    const files = { console: 'console.log', marks: 'marks.jsonl', journal: JOURNAL_FILE };
    try {
      await writeFile(draft.path(files.console), this.console.content);
      await writeFile(draft.path(files.marks), this.marks.content);
      await writeFile(draft.path(files.journal), this.journal.text());
    } catch (error) {
      draft.discard();
      return { state: 'failed', why: messageOf(error) };
    }
    return draft.publish({ qemuVersion, boot: this.boot, rungs: this.saved, ...files }, signal);
  }

  /** Nothing is kept, unless it was published. */
  discard(): void {
    this.left.clear();
    if (!this.over) this.options.draft.discard();
    this.over = true;
  }

  private async saveRung(rung: Rung, machine: Savable): Promise<DraftRung> {
    const runs = await isRunning(machine);
    if (runs) await machine.command('stop');
    try {
      // It stands still, so all that it has written is there.
      this.look();
      if (!this.console.isWhole || !this.marks.isWhole) throw new Error('the console is too long to be saved');
      const [console, marks] = [this.console.bytes, this.marks.bytes];
      const registers = await machine.human('info registers -a');
      const marked = this.journal.mark(rung);
      if (marked.state === 'refused') throw new Error(marked.why);
      const files = { state: `${rung}.state`, ram: `${rung}.ram` };
      const { draft, save, operations } = this.options;
      await save(machine, { state: draft.path(files.state), ram: draft.path(files.ram) });
      const saved = { rung, ...files, registers, console, marks, journal: marked.entries };
      return rung === 'retrieve' && operations != null ? { ...saved, operations } : saved;
    } finally {
      if (runs) await machine.command('cont');
    }
  }

  private look(): void {
    for (const tail of this.tails) tail.look();
  }

  private follow(options: TailOptions): Tail {
    // The machine says nothing in QEMU's own log.
    if (basename(options.path) === COVERAGE_FILE) return this.base.machine.follow(options);
    const copy = basename(options.path) === READY_FILE ? this.marks : this.console;
    const tail = this.base.machine.follow({
      ...options,
      onData: (chunk) => {
        if (this.left.size > 0) copy.take(chunk);
        options.onData(chunk);
      },
      onLost: (bytes) => {
        copy.spoil();
        options.onLost?.(bytes);
      },
    });
    this.tails.push(tail);
    return tail;
  }
}

async function isRunning(machine: Savable): Promise<boolean> {
  const status = await machine.command('query-status');
  return (status as { running?: unknown } | null)?.running === true;
}
