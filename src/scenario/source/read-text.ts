// SPDX-License-Identifier: Apache-2.0
// Reads the text of a scenario, profile or plan, with a limit on its size.
import { readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { messageOf } from '../../util/errors.js';
import { readRegularFile, TooLarge, UnusableFile } from '../../util/files/regular-file.js';
import { nearest } from '../../util/text/nearest.js';
import { ScenarioError, type ScenarioProblem } from './problem.js';

export const MAX_FILE_BYTES = 256 * 1024;

/**
 * Reads a regular file of at most MAX_FILE_BYTES.
 * @param what kind of file, for messages
 */
export async function readText(path: string, what = 'scenario'): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readRegularFile(path, { maxBytes: MAX_FILE_BYTES });
  } catch (error) {
    throw new ScenarioError([await unreadable(path, error, what)]);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ScenarioError([fileProblem(path, 'the file is not UTF-8 text')]);
  }
}

/** A problem of the whole file, without a position in it. */
export function fileProblem(file: string, message: string, hint: string | null = null): ScenarioProblem {
  return { file, line: 0, column: 0, message, hint };
}

export function tooLarge(file: string, what = 'scenario'): ScenarioProblem {
  return fileProblem(
    file,
    `expected a ${what} of at most ${MAX_FILE_BYTES} bytes`,
    what === 'scenario' ? 'count, {i} and repeat keep a file short' : null,
  );
}

async function unreadable(path: string, error: unknown, what: string): Promise<ScenarioProblem> {
  if (error instanceof TooLarge) return tooLarge(path, what);
  if (error instanceof UnusableFile) return fileProblem(path, error.message.replace('a regular', `a ${what}`));
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== 'ENOENT' && code !== 'ENOTDIR') return fileProblem(path, `cannot read the file: ${messageOf(error)}`);
  const neighbours = await readdir(dirname(path)).catch(() => []);
  const near = nearest(
    basename(path),
    neighbours.filter((name) => /\.ya?ml$/.test(name)),
  );
  return fileProblem(path, `no such ${what}`, near ? `did you mean "${near}"?` : null);
}
