// SPDX-License-Identifier: Apache-2.0
// The folder of one run under results/. It is filled under a hidden name and renamed when it is complete. So nobody
// sees an incomplete run in results/, and a killed lab leaves none.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Event } from '../../model/result/event.js';
import type { CellOfRun } from '../../model/result/matrix.js';
import type { Result, SandboxOfResult } from '../../model/result/result.js';
import { isDiskFull, LabError, messageOf } from '../../util/errors.js';
import { removeTemp, trackTemp, untrackTemp } from '../../util/process/reaper.js';
import { shellQuote } from '../../util/text/shell-quote.js';
import { BoundedLog } from './bounded-log.js';
import { resultSchema } from './result-schema.js';
import { type Origin, writeSeal } from './seal.js';

const MIB = 1 << 20;

export class RunFolder {
  readonly path: string;
  private readonly partial: string;
  /** Aborted with a LabError when the disk is full: the run cannot be kept and must end. */
  readonly failed: AbortSignal;
  private readonly failure = new AbortController();
  private readonly logs: Record<'events' | 'console' | 'qmp' | 'agent', BoundedLog>;

  /**
   * Creates the hidden folder.
   * @param results the folder of all runs; created if missing
   * @param cell the cell of a matrix that the run is for
   */
  constructor(
    results: string,
    readonly id: string,
    private readonly cell: CellOfRun | null = null,
  ) {
    this.failed = this.failure.signal;
    this.path = join(resolve(results), id);
    this.partial = join(resolve(results), `.partial-${id}`);
    trackTemp(this.partial);
    mkdirSync(this.partial, { recursive: true });
    const log = (name: string, head: number, tail: number) =>
      new BoundedLog(join(this.partial, name), head, tail, name.endsWith('.jsonl') ? 'jsonl' : 'raw');
    this.logs = {
      events: log('events.jsonl', 32 * MIB, MIB),
      console: log('console.log', 16 * MIB, 4 * MIB),
      qmp: log('qmp.jsonl', 8 * MIB, MIB),
      agent: log('agent.jsonl', 32 * MIB, MIB),
    };
  }

  event(event: Event): void {
    this.write('events', Buffer.from(`${JSON.stringify(event)}\n`));
  }

  console(chunk: Buffer): void {
    this.write('console', chunk);
  }

  /** Writes one line of a channel as JSON. */
  line(channel: 'qmp' | 'agent', t: number, direction: 'out' | 'in', text: string): void {
    this.write(channel, Buffer.from(`${JSON.stringify({ t, direction, text })}\n`));
  }

  /** Called from timers and sockets, so a full disk must end the run properly and not crash the process. */
  private write(log: keyof typeof this.logs, chunk: Buffer): void {
    if (this.failed.aborted) return;
    try {
      this.logs[log].write(chunk);
    } catch (error) {
      this.failure.abort(unwritable(error));
    }
  }

  /** Path for another file of the run, before `finish`. */
  file(name: string): string {
    return join(this.partial, name);
  }

  /** Writes another file of the run, before `finish`. Throws a LabError if the disk is full. */
  writeFile(name: string, text: string): void {
    try {
      writeFileSync(this.file(name), text);
    } catch (error) {
      throw unwritable(error);
    }
  }

  /**
   * Writes the last files and gives the folder its name. Returns its path. Throws a LabError if the disk is full.
   * @param origin how this lab read the scenario; without it the run gets no seal and is data from somebody else
   */
  finish(result: Result, scenarioText: string, origin?: Origin): string {
    try {
      return this.finishOn(result, scenarioText, origin);
    } catch (error) {
      throw unwritable(error);
    }
  }

  private finishOn(result: Result, scenarioText: string, origin: Origin | undefined): string {
    for (const log of Object.values(this.logs)) log.close();
    const write = (name: string, text: string) => writeFileSync(join(this.partial, name), text);
    write('qemu.txt', result.qemu.commandLine + sandboxNote(result.qemu.sandbox));
    write('scenario.yaml', scenarioText);
    if (this.cell !== null) write('cell.json', `${JSON.stringify(this.cell)}\n`);
    write('result.json', `${JSON.stringify(result, null, 2)}\n`);
    if (origin !== undefined) writeSeal(this.partial, origin, { result, text: scenarioText });
    renameSync(this.partial, this.path);
    untrackTemp(this.partial);
    return this.path;
  }

  /** Discards the run: nothing of it stays. */
  discard(): void {
    for (const log of Object.values(this.logs)) {
      try {
        log.close();
      } catch {
        // The disk is full, but the log is removed anyway.
      }
    }
    removeTemp(this.partial);
  }
}

function unwritable(error: unknown): LabError {
  return new LabError(`the result cannot be written: ${messageOf(error)}`, {
    cause: error,
    hint: isDiskFull(error) ? 'free some space, or choose another folder with --results' : null,
  });
}

/** A name that sorts by time and tells what ran. */
export function runId(now: Date, scenario: string, kernels: readonly string[]): string {
  const time = now.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const words = [scenario, ...kernels]
    .map((word) => word.replace(/[^A-Za-z0-9._]+/g, '_').slice(-40))
    .join('-')
    .slice(0, 120);
  return `${time}-${words}-${randomBytes(2).toString('hex')}`;
}

/** Reads and checks the result in a run's folder. Throws if it is damaged or from a newer lab. */
export function readResult(folder: string): Result {
  return resultSchema.parse(JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')));
}

/** Comments behind QEMU's own command line, which stays ready to paste. */
function sandboxNote(sandbox: SandboxOfResult | null): string {
  if (sandbox === null) return '';
  const why = sandbox.why === null ? '' : `, because of: ${oneLine(sandbox.why)}`;
  const command = sandbox.command.map((word) => oneLine(shellQuote(word))).join(' ');
  return `# The lab started it in a sandbox (${sandbox.kind}${why}):\n# ${command}\n`;
}

const oneLine = (text: string) => text.replaceAll(/\s*\n\s*/g, ' ');
