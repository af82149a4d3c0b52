// SPDX-License-Identifier: Apache-2.0
// A run's folder on its way from the host that ran it: packed there, unpacked here under a hidden name, and given its
// own once it is whole.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { create, extract } from 'tar';
import type { CellOfRun } from '../../model/result/matrix.js';
import { isDiskFull, LabError, messageOf } from '../../util/errors.js';
import { keep, removeAtEnd } from '../../util/process/reaper.js';
import { intoTar } from '../../util/untar.js';
import { readCellOfRun } from '../matrix/folder.js';
import { readResult } from './run-folder.js';

/** Largest run that is taken, unpacked; its logs are bounded well below (store/run/run-folder.ts). Bytes. */
const MOST_BYTES = 512 << 20;
const RUN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;
const FILE_NAME = /^(?:\.\/)?[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** The folder as a compressed stream of plain files. */
export async function* packRun(folder: string): AsyncGenerator<Buffer> {
  // Begun only when somebody reads: what fails then reaches the reader.
  yield* create({ gzip: true, portable: true, cwd: folder }, readdirSync(folder));
}

/**
 * Unpacks a run into a results folder. Where it is there already, that one stays. Throws a LabError for what is no
 * whole run, or not this cell's; nothing of it stays then.
 */
export async function unpackRun(
  results: string,
  run: string,
  cell: Pick<CellOfRun, 'matrix' | 'cell' | 'attempt'>,
  parcel: AsyncIterable<Buffer>,
): Promise<string> {
  if (!RUN_NAME.test(run)) throw new LabError('a run came with a name that none can have');
  const path = join(resolve(results), run);
  if (existsSync(path)) return path;
  const partial = join(resolve(results), `.partial-${run}`);
  removeAtEnd(partial);
  try {
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { recursive: true });
    let bytes = 0;
    await pipeline(
      Readable.from(parcel),
      intoTar(
        extract({
          cwd: partial,
          strict: true,
          filter: (name, entry) => {
            const type = 'type' in entry ? entry.type : 'File';
            bytes += entry.size ?? 0;
            if (!['File', 'OldFile'].includes(type) || !FILE_NAME.test(name) || bytes > MOST_BYTES)
              throw new LabError(`a run came with what no run has: ${type} of ${bytes} bytes`);
            return true;
          },
        }),
      ),
    );
    const is = readCellOfRun(partial);
    if (is?.matrix !== cell.matrix || is.cell !== cell.cell || is.attempt !== cell.attempt)
      throw new LabError("a run came that is another cell's");
    if (readResult(partial).id !== run) throw new LabError("a run came under another run's name");
    renameSync(partial, path);
    return path;
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    if (isDiskFull(error))
      throw new LabError(`the run cannot be kept: ${messageOf(error)}`, {
        cause: error,
        hint: 'free some space, or choose another folder with --results',
      });
    throw error instanceof LabError
      ? error
      : new LabError(`a run did not come whole: ${messageOf(error)}`, { cause: error });
  } finally {
    keep(partial);
  }
}
