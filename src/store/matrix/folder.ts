// SPDX-License-Identifier: Apache-2.0
// The folder of a matrix under results/: matrix.json, always written whole, and cells.jsonl, which grows by one line
// per attempt.
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { type Attempt, type CellOfRun, type Matrix, MATRIX_SCHEMA } from '../../model/result/matrix.js';
import { isDiskFull, LabError, messageOf } from '../../util/errors.js';
import { parseJson } from '../../util/json.js';
import { removeTemp, trackTemp, untrackTemp } from '../../util/process/reaper.js';
import { asRecord } from '../../util/unknown.js';
import { attemptSchema, cellOfRunSchema, matrixSchema } from './schema.js';

export class MatrixFolder {
  private constructor(readonly path: string) {}

  /** Creates a folder named after the matrix's id. It appears complete. */
  static create(results: string, matrix: Matrix): MatrixFolder {
    const partial = join(resolve(results), `.partial-${matrix.id}`);
    const path = join(resolve(results), matrix.id);
    try {
      mkdirSync(partial, { recursive: true });
      trackTemp(partial);
      writeMatrix(partial, matrix);
      writeFileSync(join(partial, 'cells.jsonl'), '');
      renameSync(partial, path);
      untrackTemp(partial);
    } catch (error) {
      removeTemp(partial);
      throw unwritable(error);
    }
    return new MatrixFolder(path);
  }

  /** Opens an existing folder to continue. An incomplete last line is removed. */
  static reopen(results: string, id: string): MatrixFolder {
    const folder = new MatrixFolder(join(resolve(results), id));
    const { cells } = folder;
    if (!existsSync(cells)) return folder;
    const text = readFileSync(cells);
    truncateSync(cells, text.lastIndexOf(10) + 1);
    return folder;
  }

  private get cells(): string {
    return join(this.path, 'cells.jsonl');
  }

  /** Lock file for the process that runs the matrix. */
  get lockFile(): string {
    return join(this.path, 'lock');
  }

  /** Appends one line, completely or not at all. Throws a LabError if the disk is full. */
  append(attempt: Attempt): void {
    const before = existsSync(this.cells) ? statSync(this.cells).size : 0;
    try {
      appendFileSync(this.cells, `${JSON.stringify(attempt)}\n`);
    } catch (error) {
      try {
        truncateSync(this.cells, before);
      } catch {
        // The incomplete line stays the last one. Readers skip it, and `reopen` removes it.
      }
      throw unwritable(error);
    }
  }

  /** Replaces matrix.json: a reader sees the old file or the new one. */
  write(matrix: Matrix): void {
    try {
      writeMatrix(this.path, matrix);
    } catch (error) {
      throw unwritable(error);
    }
  }
}

function writeMatrix(folder: string, matrix: Matrix): void {
  const next = join(folder, '.matrix.json');
  try {
    writeFileSync(next, `${JSON.stringify(matrix, null, 1)}\n`);
    renameSync(next, join(folder, 'matrix.json'));
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
}

function unwritable(error: unknown): LabError {
  return new LabError(`the matrix cannot be written: ${messageOf(error)}`, {
    cause: error,
    hint: isDiskFull(error) ? 'free some space, then continue with `lab matrix PLAN --resume`' : null,
  });
}

/** Names of the matrices in a results folder, oldest first. */
export function matrixIds(results: string): string[] {
  if (!existsSync(results)) return [];
  return readdirSync(results)
    .filter((name) => !name.startsWith('.') && existsSync(join(results, name, 'matrix.json')))
    .sort();
}

/** Reads a matrix. Throws a LabError if it is damaged or from a newer lab. */
export function readMatrix(folder: string): Matrix {
  let data: unknown;
  try {
    data = JSON.parse(readFileSync(join(folder, 'matrix.json'), 'utf8'));
  } catch (error) {
    throw new LabError(`${join(folder, 'matrix.json')} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  const { schema } = asRecord(data);
  if (typeof schema === 'number' && schema > MATRIX_SCHEMA) {
    throw new LabError(`${folder} has schema ${schema}; this lab reads up to ${MATRIX_SCHEMA}`, {
      hint: 'use the newer lab that wrote it',
    });
  }
  const checked = matrixSchema.safeParse(data);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw new LabError(`${join(folder, 'matrix.json')} is damaged: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  return checked.data;
}

/** Returns every readable attempt, in the order of the file, and the number of unreadable lines. */
export function readAttempts(folder: string): { attempts: Attempt[]; damaged: number } {
  const path = join(folder, 'cells.jsonl');
  if (!existsSync(path)) return { attempts: [], damaged: 0 };
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  const attempts = lines.flatMap((line) => parseJson(line, attemptSchema) ?? []);
  return { attempts, damaged: lines.length - attempts.length };
}

/** Tells which cell a run's folder belongs to; null if it belongs to none, or that is unreadable. */
export function readCellOfRun(folder: string): CellOfRun | null {
  try {
    return parseJson(readFileSync(join(folder, 'cell.json'), 'utf8'), cellOfRunSchema);
  } catch {
    return null;
  }
}
