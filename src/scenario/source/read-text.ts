// SPDX-License-Identifier: Apache-2.0
// Reads the text of a scenario, profile or plan, with a limit on its size.
import { open, readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { messageOf } from '../../util/errors.js';
import { nearest } from '../../util/text/nearest.js';
import { ScenarioError, type ScenarioProblem } from './problem.js';

export const MAX_FILE_BYTES = 256 * 1024;

/**
 * Reads a file of at most MAX_FILE_BYTES.
 * @param what kind of file, for messages
 */
export async function readText(path: string, what = 'scenario'): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readBounded(path, MAX_FILE_BYTES + 1);
  } catch (error) {
    throw new ScenarioError([await unreadable(path, error, what)]);
  }
  if (bytes.length > MAX_FILE_BYTES) throw new ScenarioError([tooLarge(path, what)]);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ScenarioError([fileProblem(path, 'the file is not UTF-8 text')]);
  }
}

/** Reads no more than the limit, even from an endless file. */
async function readBounded(path: string, limit: number): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const chunks: Buffer[] = [];
    let total = 0;
    while (total < limit) {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(Math.min(65_536, limit - total)), 0, null, null);
      if (bytesRead === 0) break;
      chunks.push(buffer.subarray(0, bytesRead));
      total += bytesRead;
    }
    return Buffer.concat(chunks);
  } finally {
    await handle.close();
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
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'EISDIR') return fileProblem(path, `expected a ${what} file, found a folder`);
  if (code !== 'ENOENT' && code !== 'ENOTDIR') return fileProblem(path, `cannot read the file: ${messageOf(error)}`);
  const neighbours = await readdir(dirname(path)).catch(() => []);
  const near = nearest(
    basename(path),
    neighbours.filter((name) => /\.ya?ml$/.test(name)),
  );
  return fileProblem(path, `no such ${what}`, near ? `did you mean "${near}"?` : null);
}
