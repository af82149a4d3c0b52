// SPDX-License-Identifier: Apache-2.0
// Where the valid inputs come from.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../../..');
const SAMPLES = join(import.meta.dirname, '../samples');

export const sample = (name: string): Buffer => readFileSync(join(SAMPLES, name));

/** Lines of a sample as seeds of their own. */
export const sampleLines = (name: string): Buffer[] =>
  sample(name)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Buffer.from(line));

/** Files of a folder of the repository, without its sub-folders. */
export function filesOf(folder: string, ending: string, maxBytes = 1 << 20): Buffer[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => readFileSync(join(ROOT, folder, name)).subarray(0, maxBytes));
}

let folder: string | null = null;

/** A folder for parsers that read files; removed at the end. */
export function workFolder(): string {
  if (folder === null) {
    const made = mkdtempSync(join(tmpdir(), 'lab-fuzz-'));
    process.on('exit', () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return folder;
}

/** Writes the input to a file of this name, and returns its path. */
export function asFile(name: string, input: Buffer): string {
  const path = join(workFolder(), name);
  writeFileSync(path, input);
  return path;
}
