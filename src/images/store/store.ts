// SPDX-License-Identifier: Apache-2.0
// Reads and writes checked files of a store. A store that is slow, out of reach or damaged is an error that says so; a
// caller that can do without the store builds instead.
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { LabError, messageOf } from '../../util/errors.js';
import { parseJson } from '../../util/json.js';
import type { Workspace } from '../context.js';
import { sha256File } from '../source/download.js';
import type { Backend, FetchLimits } from './backend.js';
import { MAX_ENTRY, objectPath, type StoredFile } from './manifest.js';

/** How long a store may send nothing, and how long one file may take: a build takes minutes. */
export interface Patience {
  silenceMs: number;
  fileMs: number;
}
const PATIENCE: Patience = { silenceMs: 10_000, fileMs: 120_000 };

export class ImageStore {
  readonly label: string;
  /** A question was not answered: neither with a file nor with "there is none". */
  unanswered = false;

  constructor(
    private readonly backend: Backend,
    private readonly work: Workspace,
    private readonly patience: Patience = PATIENCE,
  ) {
    this.label = backend.label;
  }

  /** Reads an index entry; null if there is none. */
  async entry<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S> | null> {
    return this.inScratch(async (dir) => {
      const file = join(dir, 'entry.json');
      if ((await this.fetch(path, file, MAX_ENTRY, () => undefined)) === 'missing') return null;
      const entry = parseJson(readFileSync(file, 'utf8'), schema);
      if (entry === null) throw new LabError(`${path} is not an index entry`);
      return entry;
    });
  }

  /** Fetches a file and checks its size and its sum. */
  async object(file: StoredFile, to: string, onBytes: (count: number) => void): Promise<void> {
    if ((await this.fetch(objectPath(file.sha256), to, file.size, onBytes)) === 'missing')
      throw new LabError(`${file.name} is missing`);
    const { size } = statSync(to);
    if (size !== file.size) throw new LabError(`${file.name} is cut off: ${size} of ${file.size} bytes`);
    if ((await sha256File(to, this.work.signal)) !== file.sha256)
      throw new LabError(`${file.name} is damaged: its SHA-256 is another one`);
  }

  /** Stores a file under its sum, unless it is there. */
  async putObject(path: string, { sha256, size }: StoredFile): Promise<'sent' | 'there'> {
    const at = objectPath(sha256);
    if ((await this.backend.size(at, this.work.signal)) === size) return 'there';
    await this.backend.send(path, at, this.work.signal);
    return 'sent';
  }

  async putEntry(path: string, entry: unknown): Promise<void> {
    await this.inScratch(async (dir) => {
      const file = join(dir, 'entry.json');
      writeFileSync(file, `${JSON.stringify(entry, null, 2)}\n`);
      await this.backend.send(file, path, this.work.signal);
    });
  }

  private async fetch(path: string, to: string, bytes: number, onBytes: FetchLimits['onBytes']) {
    const { silenceMs, fileMs } = this.patience;
    const slow = new AbortController();
    const tooSlow = (what: string) => () => slow.abort(new LabError(`it is too slow: ${what}`));
    const silence = setTimeout(tooSlow(`nothing came for ${silenceMs / 1000} s`), silenceMs);
    const whole = setTimeout(tooSlow(`a file took more than ${fileMs / 1000} s`), fileMs);
    const signal = AbortSignal.any([this.work.signal, slow.signal]);
    try {
      const limits = {
        bytes,
        signal,
        onBytes: (count: number) => {
          silence.refresh();
          onBytes(count);
        },
      };
      return await untilAborted(this.backend.fetch(path, to, limits), signal);
    } catch (error) {
      this.work.signal.throwIfAborted();
      this.unanswered = true;
      slow.signal.throwIfAborted();
      throw error instanceof LabError ? error : new LabError(messageOf(error), { cause: error });
    } finally {
      clearTimeout(silence);
      clearTimeout(whole);
    }
  }

  private async inScratch<T>(body: (dir: string) => Promise<T>): Promise<T> {
    const dir = join(this.work.cache.dir, 'store', `.${process.pid}.${(scratches += 1)}`);
    mkdirSync(dir, { recursive: true });
    try {
      return await body(dir);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }
}

let scratches = 0;

/** A read from a folder on a network that is gone can be neither answered nor aborted. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    promise.then(resolve, reject);
  });
}
