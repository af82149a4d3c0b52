// SPDX-License-Identifier: Apache-2.0
// Transfers a run's folder from the host that ran it. It is packed there, unpacked here under a hidden name, and
// renamed when it is complete.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { create, extract } from 'tar';
import type { CellOfRun } from '../../model/result/matrix.js';
import { isDiskFull, LabError, messageOf } from '../../util/errors.js';
import { trackTemp, untrackTemp } from '../../util/process/reaper.js';
import { intoTar } from '../../util/untar.js';
import { readCellOfRun } from '../matrix/folder.js';
import { readResult } from './run-folder.js';

/** Largest accepted run, unpacked, in bytes. The limits of its logs are well below (store/run/run-folder.ts). */
const MAX_BYTES = 512 << 20;
const RUN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;
const FILE_NAME = /^(?:\.\/)?[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** Packs the folder into a compressed stream of plain files. */
export async function* packRun(folder: string): AsyncGenerator<Buffer> {
  // Packing starts when somebody reads, so errors reach the reader.
  yield* create({ gzip: true, portable: true, cwd: folder }, readdirSync(folder));
}

/**
 * Unpacks a run into a results folder; an existing run of this name stays. Throws a LabError if the archive is not a
 * complete run or belongs to another cell. Then nothing of it stays.
 */
export async function unpackRun(
  results: string,
  run: string,
  cell: Pick<CellOfRun, 'matrix' | 'cell' | 'attempt'>,
  archive: AsyncIterable<Buffer>,
): Promise<string> {
  if (!RUN_NAME.test(run)) throw new LabError('a run arrived with an invalid name');
  const path = join(resolve(results), run);
  if (existsSync(path)) return path;
  const partial = join(resolve(results), `.partial-${run}`);
  trackTemp(partial);
  try {
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { recursive: true });
    let bytes = 0;
    await pipeline(
      Readable.from(archive),
      intoTar(
        extract({
          cwd: partial,
          strict: true,
          filter: (name, entry) => {
            const type = 'type' in entry ? entry.type : 'File';
            bytes += entry.size ?? 0;
            if (!['File', 'OldFile'].includes(type) || !FILE_NAME.test(name) || bytes > MAX_BYTES)
              throw new LabError(
                `a received run contains ${name}, which does not belong there: ${type} of ${bytes} bytes`,
              );
            return true;
          },
        }),
      ),
    );
    const owner = readCellOfRun(partial);
    if (owner?.matrix !== cell.matrix || owner.cell !== cell.cell || owner.attempt !== cell.attempt)
      throw new LabError('a run arrived that belongs to another cell');
    if (readResult(partial).id !== run) throw new LabError("a run arrived under another run's name");
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
      : new LabError(`a run arrived incomplete: ${messageOf(error)}`, { cause: error });
  } finally {
    untrackTemp(partial);
  }
}
