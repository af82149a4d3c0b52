// SPDX-License-Identifier: Apache-2.0
// Transfers a run's folder from the host that ran it. It is packed there, unpacked here under a hidden name, and
// renamed when it is complete.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { create } from 'tar';
import type { CellOfRun } from '../../model/result/matrix.js';
import type { Result } from '../../model/result/result.js';
import { isDiskFull, LabError, messageOf } from '../../util/errors.js';
import { trackTemp, untrackTemp } from '../../util/process/reaper.js';
import { unpackFiles } from '../../util/archive/unpack.js';
import { readCellOfRun } from '../matrix/folder.js';
import { ORIGIN_FILE, writeOrigin } from './origin.js';
import { readRun } from './read-run.js';

/** Largest accepted run, unpacked, in bytes. The limits of its logs are well below (store/run/run-folder.ts). */
const MAX_BYTES = 512 << 20;
const RUN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;
const MAX_FILES = 512;

/** Packs the folder into a compressed stream of plain files. */
export async function* packRun(folder: string): AsyncGenerator<Buffer> {
  // Packing starts when somebody reads, so errors reach the reader.
  yield* create({ gzip: true, portable: true, cwd: folder }, readdirSync(folder));
}

/** What the receiver asked for. A run that arrives must be of exactly this. */
export interface AskedRun {
  cell: Pick<CellOfRun, 'matrix' | 'cell' | 'attempt'>;
  /** The YAML of the scenario. */
  text: string;
  /** Names, one for each epoch. */
  kernels: readonly string[];
  /** The worker that says that it ran it. */
  worker: string;
  /** `signed`: somebody who knows the queue's secret sent it. */
  sender: 'signed' | 'unsigned';
}

/**
 * Unpacks a run into a results folder; an existing run of this name stays. Throws a LabError if the archive is not a
 * complete run, or not the run that was asked for. Then nothing of it stays.
 */
export async function unpackRun(
  results: string,
  run: string,
  asked: AskedRun,
  archive: AsyncIterable<Buffer>,
): Promise<{ path: string; result: Result }> {
  if (!RUN_NAME.test(run)) throw new LabError('a run arrived with an invalid name');
  const path = join(resolve(results), run);
  if (existsSync(path)) return { path, result: checkedRun(path, run, asked) };
  const partial = join(resolve(results), `.partial-${run}`);
  trackTemp(partial);
  try {
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { recursive: true });
    await unpackFiles(archive, partial, {
      what: 'a received run',
      allows: (name) => name !== ORIGIN_FILE,
      maxFiles: MAX_FILES,
      maxBytes: MAX_BYTES,
      manifest: null,
    });
    const result = checkedRun(partial, run, asked);
    writeOrigin(partial, { from: 'worker', worker: asked.worker, sender: asked.sender });
    renameSync(partial, path);
    return { path, result };
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    if (isDiskFull(error))
      throw new LabError(`the run cannot be kept: ${messageOf(error)}`, {
        cause: error,
        hint: 'free some space, or choose another folder with --results',
      });
    throw error instanceof LabError
      ? error
      : new LabError(`a run arrived incomplete: ${messageOf(error)}`, { cause: error });
  } finally {
    untrackTemp(partial);
  }
}

/** The result of the run in a folder. Throws if the folder holds another run than the one that was asked for. */
function checkedRun(folder: string, run: string, { cell, text, kernels }: AskedRun): Result {
  const owner = readCellOfRun(folder);
  if (owner?.matrix !== cell.matrix || owner.cell !== cell.cell || owner.attempt !== cell.attempt)
    throw new LabError('a run arrived that belongs to another cell');
  const read = readRun(folder);
  if (read.state !== 'whole') throw new LabError(`a run arrived incomplete: ${read.why}`);
  const { result } = read;
  if (result.id !== run) throw new LabError("a run arrived under another run's name");
  if (!sameText(join(folder, 'scenario.yaml'), text))
    throw new LabError('a run arrived with another scenario than its cell has');
  const names = result.kernels.map(({ name }) => name);
  if (JSON.stringify(names) !== JSON.stringify(kernels))
    throw new LabError('a run arrived that was made on other kernels than its cell has');
  return result;
}

function sameText(path: string, text: string): boolean {
  const expected = Buffer.from(text);
  if (statSync(path, { throwIfNoEntry: false })?.size !== expected.length) return false;
  return readFileSync(path).equals(expected);
}
